"""The tokens that BLEU's protocols count: Moses', tensor2tensor's, and the compound split of Table 2's figures.

The perl programs read bytes and know ASCII alone: their blanks, their `lc` and their `\\S`. What is here does the same
on text, so the same n-grams are counted. Read `bleu` for who uses which.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from aat_plugin.errors import ConfigError

COMPOUND = re.compile(rb"(\S)-(\S)")
ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
# What Python's `split` takes for a blank and perl's, on bytes, does not; a private character stands in for each.
FOREIGN_BLANKS = (
    "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
SHIELD = {ord(blank): chr(0xF8D0 + place) for place, blank in enumerate(FOREIGN_BLANKS)}
LANGUAGE = re.compile(r"[a-z]{2,3}")


def moses(lines: Sequence[str], language: str) -> list[str]:
    """Moses' tokenizer.perl -l LANGUAGE: hyphenated words stay whole, `'` becomes `&apos;` and so on.

    Raises:
        ConfigError: `language` is no language's code.
    """
    from sacremoses import MosesTokenizer

    tokenize = MosesTokenizer(lang=_checked(language)).tokenize
    return [str(tokenize(line, return_str=True, aggressive_dash_splits=False, escape=True)) for line in lines]


def detokenized(lines: Sequence[str], language: str) -> list[str]:
    """Moses' detokenizer.perl -l LANGUAGE, over tokens between blanks.

    Raises:
        ConfigError: `language` is no language's code.
    """
    from sacremoses import MosesDetokenizer

    detokenize = MosesDetokenizer(lang=_checked(language)).detokenize
    return [str(detokenize(line.split())) for line in lines]


def _checked(language: str) -> str:
    if not LANGUAGE.fullmatch(language):
        raise ConfigError(f"--lang {language!r} is no language's code such as de, en, fr")
    return language


def split_compounds(line: str) -> str:
    """`perl -ple 's{(\\S)-(\\S)}{$1 ##AT##-##AT## $2}g'`: a hyphen between two non-blanks becomes a token of its own.

    Matches do not overlap: in `a-b-c` the second hyphen stays, as its left neighbour belongs to the first match. perl
    reads bytes, and a letter outside ASCII has several, so in `a-é-c` both are split; hence the bytes here.
    """
    return COMPOUND.sub(rb"\1 ##AT##-##AT## \2", line.encode("utf-8")).decode("utf-8")


def lower_ascii(line: str) -> str:
    """`lc` of perl on bytes: A–Z alone."""
    return line.translate(ASCII_LOWER)


def shielded(line: str) -> str:
    """Hide blanks outside ASCII, which are parts of tokens to the perl programs, from Python's `split`."""
    return line.translate(SHIELD)


def t2t(line: str) -> str:
    """tensor2tensor's bleu_tokenize, after mteval-v14's international tokenisation.

    A punctuation mark is a token unless it stands between digits; a symbol always is. A full stop after a digit at the
    line's end stays with it, as in the original.
    """
    after_other, before_other, symbol = _t2t_patterns()
    line = after_other.sub(r"\1 \2 ", line)
    line = before_other.sub(r" \1 \2", line)
    return " ".join(symbol.sub(r" \1 ", line).split())


@lru_cache(maxsize=1)
def _t2t_patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Built at first use: a look at all of Unicode takes a moment."""
    marks, symbols = [], []
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))[0]
        if category == "P" and chr(code) != "\\":  # tensor2tensor's pattern swallows the backslash as an escape
            marks.append(re.escape(chr(code)))
        elif category == "S":
            symbols.append(re.escape(chr(code)))
    punctuation = f"[{''.join(marks)}]"
    return (
        re.compile(rf"([^\d])({punctuation})"),
        re.compile(rf"({punctuation})([^\d])"),
        re.compile(f"([{''.join(symbols)}])"),
    )
