"""Measure the machine's arithmetic against exact results, as ``docs/numerics.md`` section 9 shows.

Run: ``python3 tests-integration/benchmarks/accuracy.py``; everything it needs is set up by itself.
Functions and sums are those of the second implementation, whose bits the tests hold equal to the
virtual machine's; operators run on the virtual machine.
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
    job = Path(__file__).with_name("accuracy_job.py")
    environment = bootstrap.run_environment()
    return subprocess.run([python, str(job)], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
