"""Measure the machine's arithmetic against exact results, as ``docs/numerics.md`` section 9 shows.

Run: ``python3 tests-integration/benchmarks/accuracy.py``; everything it needs is set up by itself.
Functions and sums are those of the second implementation, whose bits the tests hold equal to the
virtual machine's; operators run on the virtual machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap

if __name__ == "__main__":
    job = Path(__file__).with_name("accuracy_job.py")
    sys.exit(bootstrap.run_job(job, bootstrap.locked_python))
