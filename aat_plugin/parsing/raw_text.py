"""Raw text as a treebank writes it: the Penn Treebank's tokens, quotes and escapes, or those of the trees in use.

The rules are MacIntyre's for the Penn Treebank: contractions (do n't, can not, gon na) and marks stand alone, a full
stop does so only at the end. Treebanks differ in how they write brackets, quotes and dashes (( or -LRB-, `` or ", -- or
—), so a `Style` is learned from the training words. Read `unknown_words` next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ESCAPES = {"(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-"}


@dataclass(frozen=True)
class Style:
    """How a treebank writes what stands alone.

    Attributes:
        square, curly: whether [ ] and { } are escaped like ( ), which always are.
        slashes: whether / and * inside words are written with a backslash before them.
        straight_quotes: " on both sides; else `` and ''.
        curly_quotes: “ ” and ’ stay as they are; else they are written as " and '.
        long_dash: — and – stay; else --.
        ellipsis: … stays; else ...
    """

    square: bool = True
    curly: bool = True
    slashes: bool = True
    straight_quotes: bool = False
    curly_quotes: bool = False
    long_dash: bool = False
    ellipsis: bool = False


PENN = Style()


def learn_style(counts: Mapping[str, int]) -> Style:
    """The style of a treebank.

    Args:
        counts: its words and how often each occurs.
    """

    def count(*words: str) -> int:
        return sum(counts.get(word, 0) for word in words)

    escaped = any("\\/" in word or "\\*" in word for word in counts)
    plain = any(re.search(r"(?<!\\)[/*]", word) for word in counts)
    return Style(
        square=count("[", "]") <= count("-LSB-", "-RSB-"),
        curly=count("{", "}") <= count("-LCB-", "-RCB-"),
        slashes=escaped or not plain,
        straight_quotes=count('"') > count("``", "''"),
        curly_quotes=count("“", "”") > 0,
        long_dash=count("—", "–") > 0,
        ellipsis=count("…") > 0,
    )


_STEPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # A quote opens at the beginning and behind a blank or an opening bracket, and closes elsewhere.
        (r"(^|[\s(\[{<])(\"|'')(?=\S)", r"\1 `` "),
        (r"\"", r" '' "),
        (r"([“”«»„])", r" \1 "),
        (r"\.\.\.", r" ... "),
        (r"…", r" … "),
        (r"([,:])(?!\d)", r" \1 "),
        (r"([;@#$%&?!()\[\]{}<>¿¡§])", r" \1 "),
        (r"(--|—|–)", r" \1 "),
        # The last full stop stands alone, whatever closes behind it; in "U.S." inside a text none does.
        (r"([^.\s])(\.)(?=[\s\]\)}>”]*(?:''[\s\]\)}>]*)?$)", r"\1 \2"),
        (r"([^\s'`])('')", r"\1 \2 "),
        (r"(?<=[^\s'’])(n['’]t)\b", r" \1"),
        (r"(?<=[^\s'’])(['’](?:s|m|d|ll|re|ve))(?!\w)", r" \1"),
        (r"(?<=[^\s'’`])(['’])(?=\s|$)", r" \1"),
        (r"(?<!\w)(can)(not)\b", r"\1 \2"),
        (r"(?<!\w)(gim|lem)(me)\b", r"\1 \2"),
        (r"(?<!\w)(gon|wan)(na)\b", r"\1 \2"),
        (r"(?<!\w)(got)(ta)\b", r"\1 \2"),
        (r"(?<!\w)(d['’])(ye)\b", r"\1 \2"),
        (r"(?<!\w)(['’]t)(is|was)\b", r"\1 \2"),
    )
)


def tokenise(text: str, style: Style = PENN) -> list[str]:
    """The words of one sentence of raw text, ready to stand in brackets.

    Args:
        text: a sentence; a blank one has no words.
        style: how its treebank writes.
    """
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    return [write(word, style) for word in text.split()]


def write(word: str, style: Style = PENN) -> str:
    """One word in a treebank's writing."""
    if word in _ESCAPES:
        keep = (word in "[]" and not style.square) or (word in "{}" and not style.curly)
        return word if keep else _ESCAPES[word]
    if word in ("``", "''"):
        return '"' if style.straight_quotes else word
    if word in ("“", "„", "«", "”", "»") and not style.curly_quotes:
        return '"' if style.straight_quotes else "``" if word in "“„«" else "''"
    if word in ("—", "–") and not style.long_dash:
        return "--"
    if word == "…" and not style.ellipsis:
        return "..."
    if not style.curly_quotes:
        word = word.replace("’", "'").replace("‘", "`")
    if style.slashes:
        word = re.sub(r"(?<!\\)([/*])", r"\\\1", word)
    return fit(word)


def fit(word: str) -> str:
    """A word that is given as such, with its round brackets escaped: nothing else keeps it from standing in a tree."""
    if "(" in word or ")" in word:
        return word.replace("(", _ESCAPES["("]).replace(")", _ESCAPES[")"])
    return word
