"""Time long sequences, many streams at once, and see whether memory stays flat.

Run: ``python3 tests-integration/benchmarks/sequences.py [--endurance]``; it sets itself up.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap

if __name__ == "__main__":
    job = Path(__file__).with_name("sequences_job.py")
    sys.exit(bootstrap.run_job(job, bootstrap.locked_python))
