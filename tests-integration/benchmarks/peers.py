"""Compare ``vm.run`` with its peers: ``python3 tests-integration/benchmarks/peers.py``.

Needs a JDK 17 or newer, Maven, Python 3.10 or newer and a C++ compiler (for PyTorch's); everything
else is set up by itself, in an environment of its own. Prints ratios, then every contender's time,
and writes all figures to a JSON file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bootstrap

JOB = Path(__file__).with_name("peers_job.py")
THREAD_VARIABLES = (
    "NNIR_BRIDGE_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)
MICROS_PER_UNIT = {"ns/op": 1e-3, "us/op": 1.0, "ms/op": 1e3, "s/op": 1e6}

Json = dict[str, Any]


def main() -> int:
    """Set up, run a process for each number of threads, print and save."""
    arguments = _arguments()
    try:
        bootstrap.check_tools()
        bootstrap.build_jar(bootstrap.ROOT)
        python = bootstrap.benchmark_python()
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        return 2
    in_jvm = jmh_micros(json.loads(arguments.jmh.read_text())) if arguments.jmh else {}
    runs = {}
    for threads in arguments.threads:
        runs[threads] = measure(python, threads, arguments)
        print(f"\n{threads} thread{'s' * (threads != 1)}: {versions_line(runs[threads])}")
        print(ratio_table(runs[threads], in_jvm, threads))
        print(contender_table(runs[threads]), flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"threads": runs}, indent=1))
    print(f"\nAll figures: {arguments.output}")
    if arguments.plot:
        script = str(Path(__file__).with_name("plot_peers.py"))
        command = [python, script, str(arguments.output), str(arguments.plot)]
        subprocess.run(command, env=bootstrap.run_environment(), check=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare vm.run with its peers.")
    parser.add_argument("--quick", action="store_true", help="shorter turns and fewer of them")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--workloads", nargs="*", default=[], help="parts of their names")
    parser.add_argument(
        "--contenders", default="", help="a regular expression of the peers to compare with"
    )
    parser.add_argument("--jmh", type=Path, help="JMH's JSON of StepBenchmark, for its column")
    parser.add_argument("--output", type=Path, default=bootstrap.ROOT / "target" / "peers.json")
    parser.add_argument("--plot", type=Path, help="where to draw the ratios")
    return parser.parse_args()


def measure(python: str, threads: int, arguments: argparse.Namespace) -> Json:
    """Return what the job gives in a new process with this number of threads."""
    environment = bootstrap.run_environment()
    environment |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    # Else numpy's idle threads look for work for a tenth of a second, into the others' turns.
    environment["OPENBLAS_THREAD_TIMEOUT"] = "20"
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "run.json"
        command = [python, str(JOB), "--threads", str(threads), "--output", str(output)]
        command += ["--contenders", arguments.contenders, "--workloads", *arguments.workloads]
        command += ["--quick"] if arguments.quick else []
        subprocess.run(command, env=environment, check=True)
        run: Json = json.loads(output.read_text())
    return run


def jmh_micros(results: list[Json]) -> dict[tuple[str, int], float]:
    """Return the microseconds of a step in the JVM, by workload and threads."""
    micros = {}
    for result in results:
        if result["benchmark"].endswith(".StepBenchmark.step"):
            key = result["params"]["workload"], int(result["params"].get("threads", 1))
            metric = result["primaryMetric"]
            micros[key] = metric["score"] * MICROS_PER_UNIT[metric["scoreUnit"]]
    return micros


def best(contenders: list[Json], group: str) -> tuple[float, str]:
    """Return the median microseconds and the name of a group's fastest, or infinity and none."""
    medians = [(median(c["micros"]), c["name"]) for c in contenders if c["group"] == group]
    return min(medians, default=(float("inf"), "none"))


def ratio_table(run: Json, in_jvm: dict[tuple[str, int], float], threads: int) -> str:
    """Return how many times as long as the virtual machine the best peers take."""
    lines = [["f32 / VM", "bf16 / VM", "workload", "VM us", "in the JVM", "f32 us", "bf16 us"]]
    names = []
    for result in run["results"]:
        contenders = result["contenders"]
        vm, _ = best(contenders, "vm")
        float32, float32_name = best(contenders, "float32")
        bfloat16, bfloat16_name = best(contenders, "bfloat16")
        jvm = in_jvm.get((result["workload"], threads))
        times = [vm, jvm, float32, bfloat16]
        lines.append(
            [f"{float32 / vm:.2f}", f"{bfloat16 / vm:.2f}", result["workload"]]
            + ["-" if micros is None else f"{micros:,.1f}" for micros in times]
        )
        names.append(f"  {result['workload']}: best {float32_name}; {bfloat16_name}")
    return "\n".join([_table(lines, left=2), *names])


def contender_table(run: Json) -> str:
    """Return every contender's median and quartiles."""
    lines = [["median us", "quartiles", "error", "contender"]]
    for result in run["results"]:
        lines.append(["", "", "", result["workload"]])
        for contender in sorted(result["contenders"], key=lambda c: median(c["micros"])):
            low, middle, high = quantiles(contender["micros"], n=4)
            lines.append(
                [
                    f"{middle:,.1f}",
                    f"{low:,.1f} - {high:,.1f}",
                    f"{contender['max_error']:.0e}",
                    f"  {contender['name']}",
                ]
            )
        for name, reason in result["missing"].items():
            lines.append(["-", "", "", f"  {name}: {reason}"])
    return _table(lines, left=3)


def versions_line(run: Json) -> str:
    """Return what was compared."""
    return ", ".join(f"{name} {version}" for name, version in run["versions"].items())


def _table(lines: list[list[str]], left: int) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
