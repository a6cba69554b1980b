"""Whether one system's BLEU is really another one's: sacreBLEU's paired bootstrap (Koehn 2004), over any protocol.

The test set is drawn anew, with replacement, a thousand times; sacreBLEU's p is how often the size of the two systems'
difference there, less its mean over the samples, is larger than the one on the test set itself. Sizes fall to either
side of their mean, so that is p of one side: two seeds of one system have p < 0.05 one time in ten (a test simulates
it). The verdict takes twice that, which is 5 % of the time. Read `bleu` for the protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sacrebleu.significance import PairedTest, Result

from aat_plugin.errors import ConfigError
from aat_plugin.translation.bleu import Setting, check_pairs, metric, prepared

SAMPLES = 1000
LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """A system beside a baseline.

    Attributes:
        score, baseline: BLEU on the whole test set.
        mean, baseline_mean: over the samples.
        interval, baseline_interval: half the width of the 95 % confidence interval around the mean.
        p_value: sacreBLEU's, of one side; small where the difference is unlikely to be chance.
        samples: how many test sets were drawn.
        seed: what sacreBLEU's SACREBLEU_SEED was.
    """

    score: float
    baseline: float
    mean: float
    baseline_mean: float
    interval: float
    baseline_interval: float
    p_value: float
    samples: int
    seed: str

    @property
    def two_sided(self) -> float:
        """p of a difference to either side: how often equal systems come out as different as this."""
        return min(2 * self.p_value, 1.0)

    @property
    def verdict(self) -> str:
        """One of `better`, `worse`, `no significant difference`, at the 5 % level, of either side."""
        if self.two_sided >= LEVEL or self.score == self.baseline:
            return "no significant difference"
        return "better" if self.score > self.baseline else "worse"


def compare(
    hypotheses: Sequence[str],
    baseline: Sequence[str],
    references: Sequence[str],
    setting: Setting,
    samples: int = SAMPLES,
) -> Comparison:
    """Compare two systems on one test set.

    Args:
        hypotheses, baseline, references, setting: as `bleu.score` takes them, in the same order.
        samples: how many test sets to draw.

    Raises:
        DataError: the numbers of sentences differ, or there are none.
        ConfigError: `samples` is below 1.
    """
    if samples < 1:
        raise ConfigError(f"--samples {samples}: draw at least one test set")
    check_pairs(hypotheses, references)
    check_pairs(baseline, references)
    systems: list[tuple[str, Sequence[str]]] = [
        ("baseline", prepared(baseline, setting)), ("system", prepared(hypotheses, setting)),
    ]
    test = PairedTest(systems, {"BLEU": metric(setting)}, [prepared(references, setting)], "bs", samples)
    signatures, results = test()
    first, second = (result for result in results["BLEU"] if isinstance(result, Result))
    # sacreBLEU counts strictly larger differences, which makes p small where there is no difference at all.
    p_value = 1.0 if first.score == second.score else _number(second.p_value)
    return Comparison(
        score=float(second.score),
        baseline=float(first.score),
        mean=_number(second.mean),
        baseline_mean=_number(first.mean),
        interval=_number(second.ci),
        baseline_interval=_number(first.ci),
        p_value=p_value,
        samples=samples,
        seed=str(signatures["BLEU"].info["seed"]),
    )


def counts(lines: Sequence[str], references: Sequence[str], setting: Setting) -> NDArray[np.int64]:
    """What BLEU adds up over sentences, (sentences, 10): lengths, and right and all n-grams of each order.

    Args:
        lines, references, setting: as `bleu.score` takes them.

    Raises:
        DataError: the numbers of sentences differ, or there are none.
    """
    check_pairs(lines, references)
    found = metric(setting)._extract_corpus_statistics(prepared(lines, setting), [prepared(references, setting)])
    return np.array(found, dtype=np.int64)


def score_of_counts(setting: Setting) -> Callable[[NDArray[np.int64]], float]:
    """BLEU of `counts` that were added up, (10,)."""
    counted = metric(setting)
    return lambda summed: float(counted._compute_score_from_stats(summed.tolist()).score)


def _number(value: float | None) -> float:
    """sacreBLEU leaves out what a test does not give; the paired bootstrap gives all."""
    if value is None:
        raise TypeError("sacreBLEU's paired bootstrap left a figure out")
    return float(value)
