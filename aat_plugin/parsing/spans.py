"""A bracketed line as spans: all that a scorer needs of a tree, read without building one.

An empty bracket is let pass, as EVALB does: `(TOP)` is how some parsers say that they found nothing. Read `evalb` next.
"""

from __future__ import annotations

from typing import NamedTuple

from aat_plugin.errors import DataError
from aat_plugin.parsing.trees import TOKEN, read_line


class Spans(NamedTuple):
    """A tree's words and brackets; brackets stand in the order in which they open."""

    words: list[str]
    tags: list[str]
    labels: list[str]
    starts: list[int]
    """Words before each bracket."""
    ends: list[int]
    """Words before each bracket's end."""
    tops: list[int]
    """Which brackets stand in no other."""


def read_spans(line: str, source: str = "trees", number: int = 1) -> Spans:
    """Read one line: a tree, several side by side, or nothing.

    Args:
        line: the line.
        source: the file's name, for messages.
        number: the line's number, for messages.

    Raises:
        DataError: no brackets, or broken ones; names source, line and column.
    """
    spans = Spans([], [], [], [], [], [])
    words, tags, labels, starts, ends, tops = spans
    stack: list[int] = []
    for label, word, close, bare in TOKEN.findall(line):
        if word:
            words.append(word)
            tags.append(label)
        elif close:
            if not stack:
                _explain(line, source, number)
            ends[stack.pop()] = len(words)
        elif bare:
            _explain(line, source, number)
        else:
            if not stack:
                tops.append(len(labels))
            stack.append(len(labels))
            labels.append(label)
            starts.append(len(words))
            ends.append(0)
    if stack:
        _explain(line, source, number)
    return spans


def _explain(line: str, source: str, number: int) -> None:
    """Say what is wrong with a line; the reader of trees knows the column."""
    read_line(line, source, number)
    raise DataError(f"{source}:{number}: broken brackets")


def without_tag(spans: Spans, tag: str) -> Spans:
    """The same without the words of one tag, such as traces."""
    if tag not in spans.tags:
        return spans
    kept, places = [], [0]
    for place, one in enumerate(spans.tags):
        if one != tag:
            kept.append(place)
        places.append(len(kept))
    return Spans(
        [spans.words[place] for place in kept],
        [spans.tags[place] for place in kept],
        spans.labels,
        [places[start] for start in spans.starts],
        [places[end] for end in spans.ends],
        spans.tops,
    )
