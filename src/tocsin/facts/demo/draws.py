"""Draws that depend on what they are for, not on the order in which they are made.

Large numbers of draws come from a counter-based generator (SplitMix64 over the key of the draw): the draw for person 17 on
day 300 is the same whichever people are drawn beside them, on any machine, in any version of NumPy, whose own
distributions may change between releases. Small numbers of draws come from `random.Random` seeded by text.
"""

from __future__ import annotations

import zlib
from random import Random

import numpy as np
import numpy.typing as npt

Unsigned = npt.NDArray[np.uint64]
Reals = npt.NDArray[np.float64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
# Steps of an even sequence in the unit square (powers of the inverse of the plastic number).
_STEPS = (0.7548776662466927, 0.5698402909980532)


def _mix(keys: Unsigned) -> Unsigned:
    """SplitMix64's finaliser: scrambles each key into 64 random bits."""
    keys = (keys ^ (keys >> np.uint64(30))) * _FIRST
    keys = (keys ^ (keys >> np.uint64(27))) * _SECOND
    return keys ^ (keys >> np.uint64(31))


class Draws:
    """A stream of draws for one purpose."""

    def __init__(self, seed: int, purpose: str) -> None:
        base = (seed & 0xFFFFFFFF) << 32 | zlib.crc32(purpose.encode())
        self._base = _mix(np.array([base], dtype=np.uint64) * _STEP + _STEP)

    def keys(self, ids: npt.NDArray[np.int64]) -> Unsigned:
        """The keys of these numbers in this stream; give them to `uniform` or combine them further."""
        return _mix(ids.astype(np.uint64) * _STEP + self._base)

    def uniform(self, ids: npt.NDArray[np.int64]) -> Reals:
        """One number in [0, 1) for each id."""
        return to_unit(self.keys(ids))


def to_unit(keys: Unsigned) -> Reals:
    """Numbers in [0, 1) from 64 random bits, by the upper 53."""
    return (keys >> np.uint64(11)).astype(np.float64) * 2.0**-53


def dice(seed: int, *purpose: object) -> Random:
    """A generator of its own for one purpose, such as an account's tickets."""
    return Random(f"{seed}/{'/'.join(map(str, purpose))}")


def spread(count: int, phase: float) -> tuple[float, float]:
    """The count-th point of an even sequence over the unit square: the first few lie apart, so small books have all cases."""
    return (phase + count * _STEPS[0]) % 1.0, (phase * 7 + count * _STEPS[1]) % 1.0


def between(rng: Random, low: float, high: float) -> float:
    """A number between two, evenly."""
    return low + (high - low) * rng.random()


def some(rng: Random, mean: float) -> int:
    """A Poisson count; for means up to some dozens."""
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count
