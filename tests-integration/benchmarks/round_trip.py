"""Time ``vm.run`` with and without pauses, and a process from its start to its first result.

Run: ``python3 tests-integration/benchmarks/round_trip.py``; it sets up what it needs by itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap

if __name__ == "__main__":
    job = Path(__file__).with_name("round_trip_job.py")
    sys.exit(bootstrap.run_job(job, bootstrap.locked_python))
