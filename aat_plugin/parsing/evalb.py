"""Labelled brackets compared with gold ones, as the C program EVALB counts them, and as is fair (Section 6.3, Table 4).

Two ways. `compare_as_evalb` counts what EVALB counts: a sentence whose words or lengths differ, after deleting
punctuation by each file's own tags, is left out of every total. `compare` is the default: gold tags are restored first,
ROOT, S1 and an empty top count as TOP, and a missing or mismatched parse adds its gold brackets (and its own) with
nothing matched. Both share everything behind that. Read `prm` and `spans` first, `evalb_totals` next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate, compress
from typing import NamedTuple

from aat_plugin.parsing.cleaning import TOP, TRACE, WRAPPERS
from aat_plugin.parsing.evalb_quotes import put_quotes_back
from aat_plugin.parsing.linearise import UNNAMED_TAG
from aat_plugin.parsing.prm import Parameters
from aat_plugin.parsing.spans import Spans, without_tag

LIMIT = 200
"""EVALB's arrays hold so many words, and so many brackets, of a sentence; ours have no limit."""


class Status(IntEnum):
    """EVALB's `Stat.` column."""

    VALID = 0
    MISMATCHED = 1
    """The words are not the gold tree's."""
    MISSING = 2
    """No words at all; EVALB says "skip"."""


@dataclass(slots=True)
class Sentence:
    """One sentence's counts.

    Attributes:
        length: gold words, punctuation included.
        matched, gold, test: brackets.
        crossing: brackets of the prediction that cross a gold one.
        words: words that were compared.
        tags: of these, how many had the gold tag.
        unnamed: of these, how many were tagged XX.
        labels: gold, test, matched gold and matched test labels, for figures by label.
        number: which sentence of the file this is, from 1.
        over: whether it goes over the C program's limits of words and brackets, where that would fail.
        reason: why the words do not match, in words.
        renamed: tops that counted as TOP, of the gold tree and of the prediction.
    """

    length: int
    status: Status = Status.VALID
    matched: int = 0
    gold: int = 0
    test: int = 0
    crossing: int = 0
    words: int = 0
    tags: int = 0
    unnamed: int = 0
    labels: tuple[list[str], list[str], list[str], list[str]] = field(default_factory=lambda: ([], [], [], []))
    number: int = 0
    over: bool = False
    reason: str = ""
    renamed: tuple[str, str] = ("", "")

    @property
    def f1(self) -> float:
        """0 to 1; a sentence without brackets on either side is right."""
        return 2 * self.matched / (self.gold + self.test) if self.gold + self.test else 1.0


class Kept(NamedTuple):
    """A tree after deletion, still with brackets that hold nothing."""

    words: list[str]
    tags: list[str]
    labels: list[str]
    starts: list[int]
    ends: list[int]


def compare_as_evalb(gold: Spans, test: Spans, parameters: Parameters) -> Sentence:
    """Count as the C program does, its limits lifted."""
    sentence = Sentence(_length(gold, parameters))
    ours, theirs = _keep(gold, parameters), _keep(test, parameters)
    sentence.over = any(len(part) > LIMIT for kept in (ours, theirs) for part in (kept.words, kept.labels))
    if not theirs.words:
        sentence.status = Status.MISSING
        return sentence
    if len(ours.words) != len(theirs.words) and parameters.quotes:
        ours, theirs = put_quotes_back(gold, ours, test, theirs, parameters)
    sentence.reason = _difference(ours.words, theirs.words, parameters)
    if sentence.reason:
        sentence.status = Status.MISMATCHED
        return sentence
    sentence.words = len(ours.words)
    sentence.tags = _same_tags(ours.tags, theirs.tags, parameters)
    _count(sentence, _counted(ours, parameters), _counted(theirs, parameters), parameters)
    return sentence


def compare(gold: Spans, test: Spans, parameters: Parameters) -> Sentence:
    """Count with the gold tags in both trees, and with nothing left out."""
    gold, gold_top = _rename_top(without_tag(gold, TRACE))
    test, test_top = _rename_top(without_tag(test, TRACE))
    sentence = Sentence(_length(gold, parameters), renamed=(gold_top, test_top))
    stays = _stays(gold.tags, parameters)
    sentence.words = sum(stays)
    brackets = _counted(_moved(gold, stays), parameters)
    sentence.reason = _difference(gold.words, test.words, parameters) if test.words else "no parse"
    if sentence.reason:
        sentence.status = Status.MISMATCHED if test.words else Status.MISSING
        alone = _counted(_moved(test, _stays(test.tags, parameters)), parameters)
        sentence.gold, sentence.test = len(brackets), len(alone)
        sentence.labels = ([label for *_, label in brackets], [label for *_, label in alone], [], [])
        sentence.unnamed = sentence.words if set(test.tags) <= {UNNAMED_TAG} else 0
        return sentence
    said = list(compress(test.tags, stays))
    sentence.tags = _same_tags(list(compress(gold.tags, stays)), said, parameters)
    sentence.unnamed = said.count(UNNAMED_TAG)
    _count(sentence, brackets, _counted(_moved(test, stays), parameters), parameters)
    return sentence


def _length(gold: Spans, parameters: Parameters) -> int:
    return sum(tag not in parameters.delete_for_length for tag in gold.tags)


def _rename_top(spans: Spans) -> tuple[Spans, str]:
    """The spans with a wrapper, or wrappers around one another, called TOP; and what it was called."""
    was, labels = "", spans.labels
    for top in spans.tops:
        place = top
        while place < len(labels) and labels[place] in WRAPPERS and (
            spans.starts[place] == spans.starts[top] and spans.ends[place] == spans.ends[top]
        ):
            if labels[place] != TOP:
                was = labels[place] or "an empty top"
                labels = [*labels[:place], TOP, *labels[place + 1 :]]
            place += 1
    return spans._replace(labels=labels), was


def _stays(tags: Sequence[str], parameters: Parameters) -> list[bool]:
    """Of each word whether it stays, by its tag."""
    delete = parameters.delete
    return [tag not in delete for tag in tags]


def _moved(spans: Spans, stays: Sequence[bool]) -> Spans:
    """The brackets' places counted in words that stay; the words are still all there."""
    place = [0, *accumulate(stays)].__getitem__
    return spans._replace(starts=list(map(place, spans.starts)), ends=list(map(place, spans.ends)))


def _keep(spans: Spans, parameters: Parameters) -> Kept:
    """Delete words by their tags."""
    stays = _stays(spans.tags, parameters)
    moved = _moved(spans, stays)
    words, tags = list(compress(spans.words, stays)), list(compress(spans.tags, stays))
    return Kept(words, tags, spans.labels, moved.starts, moved.ends)


def _same_tags(gold: Sequence[str], test: Sequence[str], parameters: Parameters) -> int:
    return len(gold) if gold == test else sum(map(parameters.same_label, gold, test))


def _difference(gold: Sequence[str], test: Sequence[str], parameters: Parameters) -> str:
    """What is different about the words, or nothing."""
    if len(gold) != len(test):
        return f"Length unmatch ({len(gold)}|{len(test)})"
    if gold == test:
        return ""
    pairs = zip(gold, test, strict=True)
    return next((f"Words unmatch ({a}|{b})" for a, b in pairs if not parameters.same_word(a, b)), "")


Bracket = tuple[int, int, str]


def _counted(tree: Kept | Spans, parameters: Parameters) -> list[Bracket]:
    """The brackets that count: with words in them and a label that is not deleted."""
    return [
        (start, end, label)
        for start, end, label in zip(tree.starts, tree.ends, map(parameters.counted, tree.labels), strict=True)
        if start != end and label is not None
    ]


def _count(sentence: Sentence, gold: list[Bracket], test: list[Bracket], parameters: Parameters) -> None:
    """Match brackets one to one in their order, and count what crosses."""
    labels = ([label for *_, label in gold], [label for *_, label in test])
    sentence.gold, sentence.test = len(gold), len(test)
    if gold == test:
        sentence.matched, sentence.labels = len(gold), (*labels, *labels)
        return
    unmatched: dict[tuple[int, int], list[str]] = {}
    for start, end, label in test:
        unmatched.setdefault((start, end), []).append(label)
    crossing_free = unmatched.keys() & {(start, end) for start, end, _ in gold}
    hit_gold, hit_test = [], []
    for start, end, label in gold:
        there = unmatched.get((start, end), ())
        for place, other in enumerate(there):
            if label == other or not parameters.labelled or parameters.same_label(label, other):
                hit_gold.append(label)
                hit_test.append(unmatched[start, end].pop(place))
                break
    sentence.matched, sentence.labels = len(hit_gold), (*labels, hit_gold, hit_test)
    # Gold brackets never cross one another, so one with a gold span crosses none.
    sentence.crossing = _crossing(gold, [bracket for bracket in test if bracket[:2] not in crossing_free])


def _crossing(gold: list[Bracket], test: list[Bracket]) -> int:
    """How many of the test brackets cross any gold one."""
    return sum(any(a < start < b < end or start < a < end < b for a, b, _ in gold) for start, end, _ in test)
