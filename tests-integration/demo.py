"""Compile and run the example models: ``python3 tests-integration/demo.py``.

Needs a JDK 17 or newer, Maven and Python 3.10 or newer; everything else is set up by itself. Uses
the PyTorch that the calling Python has, or one in a cached environment.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bootstrap


def main() -> int:
    """Build what is missing, then run the job in a Python that has PyTorch."""
    try:
        bootstrap.check_tools()
        bootstrap.build_jar(bootstrap.ROOT)
        python = bootstrap.run_time_python()
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    job = Path(__file__).with_name("demo_job.py")
    return subprocess.run(
        [python, str(job), *sys.argv[1:]], env=bootstrap.run_environment(), check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
