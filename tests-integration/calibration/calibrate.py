"""Compare the cycle estimate with the published counts, as ``docs/calibration.md`` shows.

Run: ``python3 tests-integration/calibration/calibrate.py``; everything it needs is set up by
itself. With ``--fit`` it also fits the boards' unit times anew, once on all families and once
without each of them (some minutes).
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap

if __name__ == "__main__":
    job = Path(__file__).with_name("calibrate_job.py")
    sys.exit(bootstrap.run_job(job, bootstrap.locked_python))
