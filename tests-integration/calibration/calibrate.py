"""Compare the cycle estimate with the published counts, as ``docs/calibration.md`` shows.

Run: ``python3 tests-integration/calibration/calibrate.py``; everything it needs is set up by
itself. With ``--fit`` it also fits the boards' unit times anew, once on all families and once
without each of them (some minutes).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap


def main() -> int:
    """Print the tables."""
    try:
        bootstrap.check_tools()
        bootstrap.build_jar(bootstrap.ROOT)
        python = bootstrap.locked_python()
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    job = Path(__file__).with_name("calibrate_job.py")
    environment = bootstrap.run_environment()
    return subprocess.run(
        [python, str(job), *sys.argv[1:]], env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
