"""Moses' normalisation and tokenisation by sacremoses (Moses of December 2017), and back to text.

The order is that of Moses' recipes: lower-case (where asked for), normalise punctuation, tokenise. Control characters
and the line separators that Python and fairseq would break a line at become blanks first. Words that are the same in
every line are tokenised once (`words`); the result is sacremoses' own to the byte. Read `bpe` next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aat_plugin.corpora.blocks import Block, joined
from aat_plugin.corpora.chain import Source
from aat_plugin.corpora.streams import Made, Run, Work, transform
from aat_plugin.corpora.words import PATTERNS, UnknownWord, WordMemory

# C0 controls but tab, DEL, next line, line and paragraph separator, byte-order mark.
CONTROL = dict.fromkeys((*range(9), *range(10, 32), 127, 0x85, 0x2028, 0x2029, 0xFEFF), " ")

DIGITS = frozenset("0123456789")


def clean(line: str) -> str:
    """The line with control characters and foreign line ends as blanks."""
    return line if line.isprintable() else line.translate(CONTROL)


class Tokeniser:
    """Raw text to Moses' tokens.

    Args:
        language: a code such as `de`.
        lowercase: lower-case first.
        tokenise: False for text that is tokenised already: it is only cleaned (and lower-cased).
    """

    def __init__(self, language: str, lowercase: bool = False, tokenise: bool = True) -> None:
        self.lowercase, self._tokenises, self.language = lowercase, tokenise, language
        if tokenise:
            from sacremoses import MosesPunctNormalizer, MosesTokenizer

            self._normalise = MosesPunctNormalizer(lang=language).normalize
            moses = MosesTokenizer(lang=language)
            self._tokenise, self._small = moses.tokenize, frozenset(moses.IsLower)
            abbreviations = [*moses.NONBREAKING_PREFIXES, *moses.NUMERIC_ONLY_PREFIXES]
            self._inner, self._last, self._stops = (
                WordMemory(self._exactly, place, abbreviations) for place in PATTERNS
            )

    def __call__(self, line: str) -> str:
        """Tokens separated by single blanks; Moses' escapes (`&apos;`) included."""
        text = clean(line)
        if self.lowercase:
            text = text.lower()
        if not self._tokenises:
            return " ".join(text.split())
        words = text.split(" ")
        try:
            last = self._last[words[-1]]
            try:
                return " ".join([*map(self._inner.__getitem__, words[:-1]), last])
            except UnknownWord:
                return " ".join([*map(self._before, words, words[1:]), last])
        except UnknownWord:
            return self._exactly(text)

    def _before(self, word: str, following: str) -> str:
        """The tokens of a word within a line; the word after it decides on its full stop."""
        if not word.endswith("."):
            return self._inner[word]
        first = following[:1]
        return self._stops[f"{word} {'a' if first in self._small else '1' if first in DIGITS else 'A'}"]

    def _exactly(self, text: str) -> str:
        # With its end, as Moses' programs see a line: one of their rules looks at what follows a closing quote.
        return str(self._tokenise(self._normalise(f"{text}\n"), return_str=True))


class Detokeniser:
    """Moses' tokens to text; tokens that were never tokenised are only joined."""

    def __init__(self, language: str, tokenised: bool = True) -> None:
        self._detokenise = None
        if tokenised:
            from sacremoses import MosesDetokenizer

            self._detokenise = MosesDetokenizer(lang=language).detokenize

    def __call__(self, line: str) -> str:
        """Plain text of one line of tokens."""
        return line if self._detokenise is None else str(self._detokenise(line.split()))


@dataclass(frozen=True)
class TokeniseBlock:
    """Work for `streams.transform`: the fields are `Tokeniser`'s."""

    language: str
    lowercase: bool
    tokenise: bool

    def __call__(self, block: Block) -> Made:
        """The block's tokens; counts `tokens`."""
        tokenise = _tokeniser(self)
        lines = [tokenise(line) for line in block.texts()]
        return Made((joined(lines),), {"tokens": sum(len(line.split()) for line in lines)})


@lru_cache(maxsize=4)
def _tokeniser(options: TokeniseBlock) -> Tokeniser:
    """One for each process, since it remembers words."""
    return Tokeniser(options.language, options.lowercase, options.tokenise)


def tokenise_file(source: Source, target: Path, work: Work, run: Run) -> dict[str, int]:
    """Tokenise a file line by line.

    Args:
        work: a `TokeniseBlock`, or `moses.MosesBlock`.

    Returns:
        How many `lines` and `tokens` there are.
    """
    return transform([source], [target], work, run, f"tokenise {target.name}")
