"""EVALB's QUOTE_LABEL: a quotation mark that one tree deletes and the other keeps, because it is tagged as a possessive
there, is put back into the tree that deleted it, if the lengths differ. COLLINS.prm has none of it; new.prm has.

The order in which EVALB does it, and what it does to brackets, is kept to the letter. Read `evalb` first.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from aat_plugin.parsing.prm import Parameters
from aat_plugin.parsing.spans import Spans

if TYPE_CHECKING:
    from aat_plugin.parsing.evalb import Kept

MARKS = frozenset({"'", '"', "/"})


class _Quote:
    """A mark: its word and tag, how many kept words and how many brackets came before, and what is open around it."""

    __slots__ = ("around", "before", "index", "tag", "word")

    def __init__(self, spans: Spans, kept: Kept, place: int, index: int) -> None:
        self.word, self.tag, self.index = spans.words[place], spans.tags[place], index
        self.before = bisect_right(spans.starts, place)
        self.around = [number for number in range(self.before) if spans.ends[number] > place]


def put_quotes_back(
    gold: Spans, ours: Kept, test: Spans, theirs: Kept, parameters: Parameters
) -> tuple[Kept, Kept]:
    """Both trees after deletion, with the marks put back that only one of them deleted."""
    quotes, others = _quotes(gold, ours, parameters), _quotes(test, theirs, parameters)
    ours, theirs = _copy(ours), _copy(theirs)
    for number, other in enumerate(others):
        index = other.index
        for place, quote in enumerate(quotes):
            if quote.index != index or quote.tag == other.tag:
                continue
            gone = quote.tag in parameters.delete, other.tag in parameters.delete
            if gone == (True, False):
                _insert(ours, quote)
                _shift(quotes[place:])
            elif gone == (False, True):
                _insert(theirs, other)
                _shift(others[number:])
    return ours, theirs


def _copy(kept: Kept) -> Kept:
    return kept._replace(words=[*kept.words], tags=[*kept.tags], starts=[*kept.starts], ends=[*kept.ends])


def _quotes(spans: Spans, kept: Kept, parameters: Parameters) -> list[_Quote]:
    found, index = [], 0
    for place, (word, tag) in enumerate(zip(spans.words, spans.tags, strict=True)):
        if tag in parameters.quotes and word in MARKS:
            found.append(_Quote(spans, kept, place, index))
        index += tag not in parameters.delete
    return found


def _insert(kept: Kept, quote: _Quote) -> None:
    kept.words.insert(quote.index, quote.word)
    kept.tags.insert(quote.index, quote.tag)
    for number in range(quote.before, len(kept.starts)):
        kept.starts[number] += 1
        kept.ends[number] += 1
    for number in quote.around:
        kept.ends[number] += 1


def _shift(quotes: list[_Quote]) -> None:
    for quote in quotes:
        quote.index += 1
