"""The arithmetic of a comparison: a ratio a round, their smallest, median and largest, and whether one may claim.

A round runs every side once, in a fresh process each, so that what disturbs the machine disturbs neighbours alike. Two
sides are therefore compared within a round, never across. Needs no torch. Read `report` next.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
Rounds = Mapping[int, Mapping[str, Figures]]
"""By round, then by side."""


@dataclass(frozen=True)
class Spread:
    """Of some numbers."""

    smallest: float
    median: float
    largest: float
    count: int


def spread(numbers: Sequence[float]) -> Spread:
    """Smallest, median and largest; the median of an even number is the mean of the middle two.

    Raises:
        ValueError: there are none.
    """
    if not numbers:
        raise ValueError("no numbers to take a median of")
    return Spread(min(numbers), statistics.median(numbers), max(numbers), len(numbers))


def ratios(rounds: Rounds, figure: str, side: str, against: str) -> list[float]:
    """`figure` of `side` / that of `against`, for each round that has both, in the rounds' order."""
    return [
        float(sides[side][figure]) / float(sides[against][figure])
        for _, sides in sorted(rounds.items())
        if figure in sides.get(side, {}) and figure in sides.get(against, {})
    ]


def gain(found: Spread, more_is_better: bool) -> Spread:
    """How many times better, from ratios of the figure itself: those of a cost are turned over."""
    if more_is_better:
        return found
    return Spread(1 / found.largest, 1 / found.median, 1 / found.smallest, found.count)


def claim(found: Spread, more_is_better: bool) -> str:
    """What may be said: nothing where one round's gain was no gain."""
    how = gain(found, more_is_better)
    if how.smallest <= 1:
        return "no claim"
    return f"{how.median:.2f} times better ({how.smallest:.2f} to {how.largest:.2f})"
