"""Sums over sentences and what is reported of them: recall, precision, F1 and the rest, as percentages.

Read `evalb` first, which counts a sentence, and `evalb_report` next, which writes these figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aat_plugin.parsing.evalb import Sentence, Status


def percent(part: float, whole: float) -> float:
    """100 · part / whole, 0 where there is nothing, rounded nowhere."""
    return 100.0 * part / whole if whole else 0.0


@dataclass(frozen=True)
class Totals:
    """Figures over some sentences.

    Attributes:
        sentences: all of them.
        errors: those whose words do not match the gold tree's.
        skipped: those without a parse.
        matched, gold, test, crossing: brackets, as in `evalb.Sentence`, summed.
        words, tags, unnamed: the same for tags.
        complete: sentences whose brackets are all right.
        without_crossing: compared sentences with no crossing bracket.
        few_crossing: those with two or fewer.
        counted: the sentences that shares are of: all, or, as EVALB has it, those that could be compared.
    """

    sentences: int
    errors: int
    skipped: int
    matched: int
    gold: int
    test: int
    crossing: int
    words: int
    tags: int
    unnamed: int
    complete: int
    without_crossing: int
    few_crossing: int
    counted: int

    @property
    def valid(self) -> int:
        """Sentences that could be compared."""
        return self.sentences - self.errors - self.skipped

    @property
    def recall(self) -> float:
        """Gold brackets that were found, in percent."""
        return percent(self.matched, self.gold)

    @property
    def precision(self) -> float:
        """Predicted brackets that are right, in percent."""
        return percent(self.matched, self.test)

    @property
    def f1(self) -> float:
        """The harmonic mean of both, computed from the percentages as EVALB does; 0 where both are 0."""
        precision, recall = self.precision, self.recall
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    @property
    def average_crossing(self) -> float:
        """Crossing brackets a compared sentence: a number, no percentage."""
        return self.crossing / self.valid if self.valid else 0.0

    @property
    def tagging_accuracy(self) -> float | None:
        """Words with the right tag, in percent; None where every one is tagged XX."""
        return None if self.words and self.unnamed == self.words else percent(self.tags, self.words)


def add_up(sentences: Iterable[Sentence], *, as_evalb: bool, cutoff: int | None = None) -> Totals:
    """Sum sentences up.

    Args:
        sentences: from `evalb.compare` or `evalb.compare_as_evalb`.
        as_evalb: shares are of compared sentences, not of all.
        cutoff: only sentences up to this length.
    """
    chosen = [one for one in sentences if cutoff is None or one.length <= cutoff]
    valid = [one for one in chosen if one.status is Status.VALID]
    return Totals(
        sentences=len(chosen),
        errors=sum(one.status is Status.MISMATCHED for one in chosen),
        skipped=sum(one.status is Status.MISSING for one in chosen),
        matched=sum(one.matched for one in chosen),
        gold=sum(one.gold for one in chosen),
        test=sum(one.test for one in chosen),
        crossing=sum(one.crossing for one in chosen),
        words=sum(one.words for one in chosen),
        tags=sum(one.tags for one in chosen),
        # XX is no excuse in EVALB's own count.
        unnamed=0 if as_evalb else sum(one.unnamed for one in chosen),
        complete=sum(one.matched == one.gold == one.test for one in valid),
        without_crossing=sum(one.crossing == 0 for one in valid),
        few_crossing=sum(one.crossing <= 2 for one in valid),
        counted=len(valid if as_evalb else chosen),
    )


@dataclass(frozen=True)
class LabelFigures:
    """One label: how many gold and predicted brackets carry it, and how many of each were matched.

    The two matched counts differ where labels count as the same: a gold PRT found as ADVP is one matched gold PRT and
    one matched predicted ADVP.
    """

    label: str
    gold: int
    test: int
    matched_gold: int
    matched_test: int

    @property
    def recall(self) -> float:
        """In percent."""
        return percent(self.matched_gold, self.gold)

    @property
    def precision(self) -> float:
        """In percent."""
        return percent(self.matched_test, self.test)

    @property
    def f1(self) -> float:
        """In percent; 0 where both are 0."""
        total = self.recall + self.precision
        return 2 * self.recall * self.precision / total if total else 0.0


def by_label(sentences: Sequence[Sentence]) -> list[LabelFigures]:
    """Figures for each label, the most frequent gold label first."""
    counts: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
    for sentence in sentences:
        for counter, labels in zip(counts, sentence.labels, strict=True):
            counter.update(labels)
    gold, test, matched_gold, matched_test = counts
    order = sorted(gold.keys() | test.keys(), key=lambda label: (-gold[label], -test[label], label))
    return [LabelFigures(one, gold[one], test[one], matched_gold[one], matched_test[one]) for one in order]
