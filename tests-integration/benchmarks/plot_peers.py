"""Draws the ratios of ``peers.py``: ``plot_peers.py FIGURES.json PICTURE.png``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

from peers import best


def main() -> None:
    """Draw one panel for each number of threads."""
    figures, picture = map(Path, sys.argv[1:])
    runs = json.loads(figures.read_text())["threads"]
    _, panels = plt.subplots(len(runs), sharex=True, squeeze=False, figsize=(8, 3.5 * len(runs)))
    for (threads, run), panel in zip(runs.items(), panels[:, 0], strict=True):
        names = [result["workload"] for result in run["results"]]
        for shift, group in ((0.2, "float32"), (-0.2, "bfloat16")):
            ratios = [
                best(result["contenders"], group)[0] / best(result["contenders"], "vm")[0]
                for result in run["results"]
            ]
            places = [-i + shift for i in range(len(names))]
            panel.barh(places, ratios, height=0.4, label=f"best {group} peer / VM")
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_yticks([-i for i in range(len(names))], names)
        panel.set_title(f"{threads} thread(s); above 1 the VM is faster")
        panel.legend()
    plt.tight_layout()
    plt.savefig(picture)


if __name__ == "__main__":
    main()
