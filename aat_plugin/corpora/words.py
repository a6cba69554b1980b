"""Which words Moses' rules treat alike wherever they stand, so that they need to be tokenised only once.

sacremoses runs some eighty substitutions over each line. All of them look at a character and its neighbours, and few
look over a blank: a word of letters and digits, with at most punctuation of a known kind at its edges, becomes the same
tokens in every line, and a full stop at the end of the last word depends on that word alone. Lines of such words are
put together from remembered words; every other line goes through sacremoses as a whole. The tests hold both ways
against each other. Read `tokenise` next, which chooses.

What looks over a blank, and how it is kept out: a full stop before a blank (`Nr. 5` stays, `z. b` depends on the case)
is remembered of a line's last word alone; quotes beside commas and full stops, which are moved about, and words of
punctuation alone, which are drawn to others (`) .`), are not remembered, but for dashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MOST = 1 << 18
"""Words that are remembered; more, and it starts anew, so that memory is bounded."""

# One letter, digit or symbol that no rule but the padding of single characters knows.
_PLAIN = r"[^\W_]"
_SYMBOL = r"[^\W_]|[-–/&=+*#@§$€°]"
_CORE = rf"(?:{_SYMBOL})*{_PLAIN}(?:[.,:'’]{_PLAIN}|{_SYMBOL})*"
PATTERNS = {
    "inner": re.compile(rf"[(\"„“]?{_CORE}(?:[\"“”]|[)]?[,;:!?%]?)|[-–]"),
    "last": re.compile(rf"[(\"„“]?{_CORE}(?:[\"“”][.!?]?|[)]?[.!?]?)|[-–]"),
    "stop": re.compile(rf"[(\"„“]?{_CORE}[)]?\. [aA1]"),
}
"""Place → the words that are remembered there: within a line, at its end, and ending in a full stop within a line.

After a full stop within a line it matters whether the next word begins with a small letter or a digit: the key is the
word, a blank, and `a`, `1` or, for everything else, `A`.
"""

# What no rule touches, and a mark that is only cut off: known without asking sacremoses.
_LATIN = "[A-Za-zÀ-ÖØ-öø-ÿ0-9]+"
_OBVIOUS = re.compile(rf"({_LATIN}(?:-{_LATIN})*)([,;:!?]?)")
_OBVIOUS_STOP = re.compile(rf"({_LATIN}(?:-{_LATIN})*)\.(?: ([aA1]))?")
_MARKER = "MULTI"  # sacremoses writes DOTMULTI for dots in between, and takes a word that holds it for dots


class UnknownWord(Exception):
    """A word whose tokens depend on the words beside it; its line is tokenised as a whole."""


class WordMemory(dict[str, str]):
    """Word → its tokens.

    Args:
        tokenise: the whole treatment of a line.
        place: one of `PATTERNS`.
        abbreviations: words that may keep a full stop.

    Raises:
        UnknownWord: on looking up a word that is not treated alike everywhere.
    """

    def __init__(self, tokenise: Callable[[str], str], place: str, abbreviations: Iterable[str]) -> None:
        super().__init__()
        self._tokenise, self._pattern, self._place = tokenise, PATTERNS[place], place
        self._abbreviations = frozenset(abbreviations)

    def __missing__(self, word: str) -> str:
        if self._pattern.fullmatch(word) is None:
            raise UnknownWord
        if len(self) >= MOST:
            self.clear()
        tokens = self._obvious(word)
        if tokens is None:
            tokens = self._tokenise(word)
            tokens = tokens[:-2] if self._place == "stop" else tokens
        self[word] = tokens
        return tokens

    def _obvious(self, word: str) -> str | None:
        """The tokens of the commonest kinds of words, None of the others."""
        if _MARKER in word:
            return None
        found = _OBVIOUS.fullmatch(word)
        if found is not None:
            return " ".join(filter(None, found.groups()))
        found = _OBVIOUS_STOP.fullmatch(word)
        if found is None or found[1] in self._abbreviations:
            return None
        return f"{found[1]}." if found[2] == "a" else f"{found[1]} ."
