"""Compile and run the example models: ``python3 tests-integration/demo.py``.

Needs a JDK 17 or newer, Maven and Python 3.10 or newer; everything else is set up by itself. Uses
the PyTorch that the calling Python has, or one in a cached environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bootstrap

if __name__ == "__main__":
    job = Path(__file__).with_name("demo_job.py")
    sys.exit(bootstrap.run_job(job, bootstrap.run_time_python))
