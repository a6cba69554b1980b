"""Hypotheses and references that do not pair up: where the first surplus line probably is.

Both are of one language, so the words that two lines share tell whether they belong together. Read `bleu` next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

WINDOW = 4  # lines that are looked at together; fewer would take a short sentence for a shift
CLEARLY = 0.5  # how much more a shifted window must share, in mean Dice overlap, 0 to 1


def first_shifted(longer: Sequence[str], shorter: Sequence[str]) -> int | None:
    """The first line (from 1) of `longer` that seems to be surplus: what follows fits `shorter` one line earlier.

    Returns:
        None where the lines pair up to the end of `shorter`, or share too little to tell.
    """
    bags = [Counter(line.split()) for line in longer]
    others = [Counter(line.split()) for line in shorter]
    straight = [_overlap(one, other) for one, other in zip(bags, others, strict=False)]
    shifted = [_overlap(one, other) for one, other in zip(bags[1:], others, strict=False)]
    for start in range(min(len(straight), len(shifted))):
        window = slice(start, start + WINDOW)
        gain = sum(shifted[window]) - sum(straight[window])
        # The line itself must fit better one later; else the surplus is further down in the window.
        if gain > CLEARLY * len(straight[window]) and shifted[start] > straight[start]:
            return start + 1
    return None


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    """Dice's coefficient of two bags of words."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0
