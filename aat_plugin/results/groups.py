"""Whether two groups of seeds differ, when both the seeds and the test set's sentences are chance.

Two questions are asked of the difference of the groups' means, and the larger p is the answer:

- would other sentences say so? The paired bootstrap: test sets drawn with replacement, the same for all seeds.
- would other seeds say so? Student's t on the seeds' scores, their variance pooled over both groups.

Either alone cries wolf: on a large test set the bootstrap calls any two seeds different that are not the same, and on
a small one a few seeds can agree by chance. Seeds of one system come out different at most 5 % of the time; a test
simulates it. A single run on either side says nothing of seeds; then only the other side's vary, and where both sides
are single the bootstrap alone is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
Counts = NDArray[np.int64]
"""(sentences, k): what a score adds up over sentences."""


@dataclass(frozen=True)
class GroupTest:
    """A group of seeds beside another.

    Attributes:
        difference: of the means.
        by_sentences: p of the paired bootstrap, of either side.
        by_seeds: p of Student's t, of either side; None where both groups are one run.
    """

    difference: float
    by_sentences: float
    by_seeds: float | None

    @property
    def p_value(self) -> float:
        """The larger of the two."""
        return max(self.by_sentences, self.by_seeds or 0.0)

    @property
    def verdict(self) -> str:
        """One of `better`, `worse`, `no significant difference`, at the 5 % level."""
        if self.p_value >= LEVEL or not self.difference:
            return "no significant difference"
        return "better" if self.difference > 0 else "worse"


def compare(
    system: Sequence[Counts], baseline: Sequence[Counts], score: Callable[[Counts], float], samples: int = 1000,
    seed: int = 12345,
) -> GroupTest:
    """Compare two groups of seeds on one test set.

    Args:
        system, baseline: each seed's counts, of the same sentences in the same order.
        score: of counts that were added up, (k,).
        samples: test sets to draw.
        seed: of the draws.
    """
    runs, size = [*system, *baseline], len(system)

    def difference(scores: Sequence[float]) -> float:
        return float(np.mean(scores[:size]) - np.mean(scores[size:]))

    own = [score(one.sum(axis=0)) for one in runs]
    real = difference(own)
    generator, sentences = np.random.default_rng(seed), len(runs[0])
    drawn = np.empty(samples)
    for number in range(samples):
        times = np.bincount(generator.integers(sentences, size=sentences), minlength=sentences)
        drawn[number] = difference([score(times @ one) for one in runs])
    larger = int((np.abs(drawn - drawn.mean()) >= abs(real)).sum())
    return GroupTest(real, (larger + 1) / (samples + 1), _by_seeds(own[:size], own[size:]))


def _by_seeds(system: Sequence[float], baseline: Sequence[float]) -> float | None:
    """Student's t of two groups of scores with one variance."""
    degrees = len(system) + len(baseline) - 2
    if not degrees:
        return None
    squares = sum(float(np.square(np.subtract(one, np.mean(one))).sum()) for one in (system, baseline))
    error = math.sqrt(squares / degrees * (1 / len(system) + 1 / len(baseline)))
    difference = abs(float(np.mean(system) - np.mean(baseline)))
    if not error:
        return 0.0 if difference else 1.0
    return student_t(difference / error, degrees)


def student_t(t: float, degrees: int) -> float:
    """How often Student's t of so many degrees of freedom is as far from 0 as `t`, to either side.

    With t = √ν·tan θ its density is in proportion to cos^(ν−1) θ, which is summed by Simpson's rule.
    """

    def area(low: float) -> float:
        angles = np.linspace(low, math.pi / 2, 2001)
        heights = np.cos(angles).clip(0) ** (degrees - 1)
        weights = np.ones(2001)
        weights[1:-1:2], weights[2:-1:2] = 4, 2
        return float(weights @ heights) * (math.pi / 2 - low) / 6000

    return area(math.atan(abs(t) / math.sqrt(degrees))) / area(0.0)
