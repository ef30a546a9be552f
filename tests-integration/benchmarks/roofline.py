"""Compare steps in the JVM with what the processor allows: ``roofline.py RESULTS``.

Takes the JSON that JMH wrote of ``StepBenchmark`` and ``RooflineBenchmark``, and prints for each
workload the largest of three lower bounds, and how many times longer a step takes:

- products: all products of a layer at the rate of one tile in the first caches, or of many
  streams where a layer multiplies many inputs at once; or, where that is longer, a layer's inputs
  one after another, since the products of one sum wait for each other;
- bytes: reading as many bytes as the weights have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from peers import Json, jmh_micros


class Layer(NamedTuple):
    """Products that wait for those before: ``times`` vectors of inputs, multiplied at once."""

    inputs: int
    outputs: int
    times: int = 1


def lstm(inputs: int, units: int, steps: int = 1) -> list[Layer]:
    """Return the products of a layer: of all inputs, then of one state after another."""
    return [Layer(inputs, 4 * units, steps), *(steps * [Layer(units, 4 * units)])]


SEQUENCE = "LSTM 2x256 20 steps"  # whose steps find the weights in the caches
LAYERS: dict[str, list[Layer]] = {
    "MLP 784-128-128-10": [Layer(784, 128), Layer(128, 128), Layer(128, 10)],
    "CNN step 32-128-1": [Layer(3 * 32, 128), Layer(3 * 128, 1)],
    "LSTM step 2x256": [*lstm(128, 256), *lstm(256, 256), Layer(256, 16)],
    SEQUENCE: [*lstm(128, 256, 20), *lstm(256, 256, 20), Layer(256, 16, 20)],
    "LSTM step 3x480": [*(3 * lstm(480, 480)), Layer(480, 32)],
    "LSTM step 3x960": [*(3 * lstm(960, 960)), Layer(960, 32)],
}
FP8 = ", FP8"
READ_KIBIBYTES = (1800, 10900, 43300)  # as RooflineBenchmark reads them


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("results", type=Path, help="what JMH wrote")
    print(table(json.loads(parser.parse_args().results.read_text())))


def table(results: list[Json]) -> str:
    """Return the comparison of all steps on one thread as text.

    Raises:
        SystemExit: A result that the bounds need is missing.
    """
    scores = {
        (result["benchmark"].rsplit(".", 1)[1], *result.get("params", {}).values()): float(
            result["primaryMetric"]["score"]
        )
        for result in results
        if ".RooflineBenchmark." in result["benchmark"]
    }
    steps = jmh_micros(results)

    def score(*key: str) -> float:
        if key not in scores:
            raise SystemExit(f"RooflineBenchmark {key} is not in the results; run it with JMH")
        return scores[key]

    lines = ["step us  bound us  ratio  workload, and what bounds it"]
    for name, layers in LAYERS.items():
        for workload in (name, name + FP8):
            step = steps.get((workload, 1))
            if step is None:
                continue
            packing = "QUADS" if workload.endswith(FP8) else "PAIRS"
            rates = (score("products", packing), score("productsOfStreams", packing))
            latency = 1 / score("productsOfOneSum")
            bounds = {"products": products_micros(layers, rates, latency)}
            weights = sum(layer.inputs * layer.outputs for layer in layers)
            size = weights * (1 if packing == "QUADS" else 2)
            for kibibytes in READ_KIBIBYTES if name != SEQUENCE else ():
                if size >= kibibytes * 1024 * 0.9:
                    micros = score("read", str(kibibytes)) * size / (kibibytes * 1024)
                    bounds["bytes"] = micros
            kind = max(bounds, key=lambda bound: bounds[bound])
            lines.append(
                f"{step:7,.1f} {bounds[kind]:9,.1f} {step / bounds[kind]:6.2f}  {workload}: {kind}"
            )
    return "\n".join(lines)


def products_micros(layers: list[Layer], rates: tuple[float, float], latency: float) -> float:
    """Return the least time of layers.

    Args:
        layers: Which wait for each other.
        rates: Products a nanosecond, of one vector of inputs and of many at once.
        latency: Nanoseconds from one product of a sum to the next.
    """
    return (
        sum(
            max(
                layer.times * layer.inputs * layer.outputs / rates[layer.times > 1],
                layer.inputs * latency,
            )
            for layer in layers
        )
        / 1000
    )


if __name__ == "__main__":
    main()
