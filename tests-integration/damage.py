"""Stored bytes that do not arrive as they were."""

from collections.abc import Iterator

import numpy as np


def damaged_copies(stored: bytes, flips: int, cuts: int) -> Iterator[bytes]:
    """Yield copies with one bit flipped, after the mark and the version, then copies cut short."""
    random = np.random.default_rng(0)
    for at in random.integers(12, len(stored), flips):
        flipped = bytearray(stored)
        flipped[at] ^= 1 << int(random.integers(8))
        yield bytes(flipped)
    for end in random.integers(100, len(stored), cuts):
        yield stored[:end]
