"""Random models: ``python3 tests-integration/random_models.py [--models 20000] [--seed 1]``.

Draws models of 1 to 12 operators with 1 to 3 inputs and outputs, random contexts, boards, options
and streaming axes, and checks each: near PyTorch, the bits of the second implementation, the same
bits streamed, or a refusal of a documented type that names a node. Prints how many were refused and
why. A wrong one is shrunk and printed. ``tests/test_random_models.py`` draws 300 in the same way.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import bootstrap

MOST_OPERATORS = 12
MOST_VALUES = 3000
SECONDS_FOR_A_MODEL = 300


@dataclass
class Step:
    """One operation on an earlier result, in contexts of its own."""

    source: int
    name: str
    apply: Any
    float32: bool = False
    cores: tuple[int, ...] = ()


@dataclass
class Drawn:
    """A model, how to compile it, and another board for the same bits."""

    model: Any
    shapes: list[tuple[int, ...]]
    board: str
    other_board: str
    dynamic: bool
    float32_inputs: list[bool]
    float32_outputs: list[bool]
    axes: list[int]
    seed: int

    def __repr__(self) -> str:
        return (
            f"{self.model!r} on {self.shapes}, {self.board} and {self.other_board}, "
            f"dynamic={self.dynamic}, float32 {self.float32_inputs} -> {self.float32_outputs}, "
            f"axes={self.axes}, seed={self.seed}"
        )


@dataclass
class Figures:
    """What a run found."""

    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def refused(self, what: str, text: str) -> None:
        """Count a refusal by its kind: the text without names and numbers."""
        self.counts[f"{what} refused"] += 1
        kind = re.sub(r"^(streaming_transform: )?(the output )?[\w.]+ ", r"\1", text)
        self.refusals[re.sub(r"\[[^]]*\]|[-\d]+!?", "#", kind)[:110]] += 1

    def __str__(self) -> str:
        c = self.counts
        lines = [
            f"models               {c['models']}",
            f"operators            {c['operators']}",
            f"compiled whole       {c['whole compiled']} (refused {c['whole refused']}, "
            f"{_share(c['whole refused'], c['models'])})",
            f"compiled streaming   {c['streaming compiled']} (refused {c['streaming refused']}, "
            f"{_share(c['streaming refused'], c['models'])})",
            f"on two boards        {c['other board compiled']}",
            f"refused both ways    {c['both refused']} ({_share(c['both refused'], c['models'])})",
            f"slowest model        {self.slowest:.1f} s",
            "refusals by kind:",
        ]
        return "\n".join(lines + [f"  {n:6} {kind}" for kind, n in self.refusals.most_common(40)])


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.1f}%"


def strategy() -> Any:
    """Return the Hypothesis strategy of models."""
    from drawn_models import drawn_models

    return drawn_models()


def check(drawn: Drawn, figures: Figures) -> None:
    """Compile and run a model in every way; raise AssertionError where anything is wrong."""
    from drawn_models import check_model

    started = time.monotonic()
    check_model(drawn, figures)
    figures.slowest = max(figures.slowest, time.monotonic() - started)


def _run(models: int, seed: int) -> int:
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    figures = Figures()

    def give_up(*_: Any) -> None:
        raise AssertionError(f"a model took longer than {SECONDS_FOR_A_MODEL} s")

    signal.signal(signal.SIGALRM, give_up)

    @seeded(seed)
    @settings(
        max_examples=models,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy())
    def every_model_is_right_or_refused(drawn: Drawn) -> None:
        signal.alarm(SECONDS_FOR_A_MODEL)
        check(drawn, figures)
        signal.alarm(0)
        if figures.counts["models"] % 500 == 0:
            print(f"-- {time.strftime('%H:%M:%S')}\n{figures}", flush=True)

    started = time.monotonic()
    try:
        every_model_is_right_or_refused()
    finally:
        print(f"== seed {seed}, {time.monotonic() - started:.0f} s\n{figures}", flush=True)
    return 0


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.here:
        bootstrap.check_tools()
        bootstrap.build_jar(bootstrap.ROOT)
        python = bootstrap.locked_python()
        arguments = [python, __file__, "--here", *sys.argv[1:]]
        os.execve(python, arguments, bootstrap.run_environment())
    return _run(options.models, options.seed)


if __name__ == "__main__":
    sys.exit(_main())
