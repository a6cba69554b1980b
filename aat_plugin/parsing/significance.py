"""Whether one parser is really better than another: the paired bootstrap over sentences (Koehn 2004).

F1 is no mean over sentences, so each drawn test set sums their (matched, gold, test) brackets anew. p is how often the
difference there, less its mean, is larger than the one on the test set itself: the same p as for BLEU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.parsing.evalb import Sentence

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A parser beside a baseline, in F1 percentages.

    Attributes:
        score, baseline: on the whole test set.
        interval, baseline_interval, difference_interval: the middle 95 % over the samples, low and high.
        p_value: small where the difference is unlikely to be chance.
        samples: how many test sets were drawn.
        seed: of the draws.
    """

    score: float
    baseline: float
    interval: tuple[float, float]
    baseline_interval: tuple[float, float]
    difference_interval: tuple[float, float]
    p_value: float
    samples: int
    seed: int

    @property
    def verdict(self) -> str:
        """One of `better`, `worse`, `no significant difference`, at the 5 % level."""
        if self.p_value >= LEVEL:
            return "no significant difference"
        return "better" if self.score > self.baseline else "worse"


def compare(
    system: Sequence[Sentence], baseline: Sequence[Sentence], samples: int = 1000, seed: int = 12345
) -> Comparison:
    """Compare two parsers on the same sentences.

    Args:
        system, baseline: their sentences, scored alike.
        samples: test sets to draw.
        seed: of the draws.

    Raises:
        ConfigError: `samples` is below 1.
        DataError: the numbers of sentences differ, or there are none.
    """
    ours, theirs = _paired(system, baseline, samples)
    generator = np.random.default_rng(seed)
    drawn = np.empty((samples, 2))
    for number in range(samples):
        times = np.bincount(generator.integers(len(system), size=len(system)), minlength=len(system))
        drawn[number] = f1(times @ ours), f1(times @ theirs)
    score, other = f1(ours.sum(axis=0)), f1(theirs.sum(axis=0))
    differences = drawn[:, 0] - drawn[:, 1]
    larger = int((np.abs(differences - differences.mean()) >= abs(score - other)).sum())
    return Comparison(
        score, other, _middle(drawn[:, 0]), _middle(drawn[:, 1]), _middle(differences),
        (larger + 1) / (samples + 1), samples, seed,
    )


def f1(counts: NDArray[np.int64]) -> float:
    """F1 in percent of (3,) summed matched, gold and test brackets."""
    matched, gold, test = (int(count) for count in counts)
    return 200.0 * matched / (gold + test) if gold + test else 0.0


def _paired(
    system: Sequence[Sentence], baseline: Sequence[Sentence], samples: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both parsers' counts, (sentences, 3) each, where they can be resampled.

    Raises:
        ConfigError: `samples` is below 1.
        DataError: the numbers of sentences differ, or there are none.
    """
    if samples < 1:
        raise ConfigError(f"--samples {samples}: give 1 or more")
    if len(system) != len(baseline) or not system:
        raise DataError(f"{len(system)} and {len(baseline)} sentences cannot be compared pair by pair")
    return _counts(system), _counts(baseline)


def _counts(sentences: Sequence[Sentence]) -> NDArray[np.int64]:
    return np.array([(one.matched, one.gold, one.test) for one in sentences], dtype=np.int64)


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def shuffled(
    system: Sequence[Sentence], baseline: Sequence[Sentence], samples: int = 10_000, seed: int = 12345
) -> float:
    """Stratified shuffling (Yeh 2000), as parsers are usually compared: p of the difference in F1.

    Each sentence's counts are exchanged between the two parsers or not, by a coin; p is how often the difference is
    then at least as large as the real one.

    Args:
        system, baseline, seed: as `compare`.
        samples: shuffles.

    Raises:
        ConfigError: `samples` is below 1.
        DataError: the numbers of sentences differ, or there are none.
    """
    ours, theirs = _paired(system, baseline, samples)
    real = abs(f1(ours.sum(axis=0)) - f1(theirs.sum(axis=0)))
    generator = np.random.default_rng(seed)
    as_large = 0
    for _ in range(samples):
        change = generator.integers(2, size=len(ours)) @ (theirs - ours)
        as_large += abs(f1(ours.sum(axis=0) + change) - f1(theirs.sum(axis=0) - change)) >= real - 1e-12
    return (as_large + 1) / (samples + 1)
