"""Moses' normalisation and tokenisation by sacremoses (Moses of December 2017), and back to text.

The order is that of Moses' recipes: lower-case (where asked for), normalise punctuation, tokenise. Control characters
and the line separators that Python and fairseq would break a line at become blanks first. Read `bpe` next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import iterate_lines, replacing
from aat_plugin.corpora.parallel import chunked, in_order
from aat_plugin.corpora.progress import Progress

# C0 controls but tab, DEL, next line, line and paragraph separator.
_CONTROL = dict.fromkeys((*range(9), *range(10, 32), 127, 0x85, 0x2028, 0x2029), " ")
_tools: dict[str, Any] = {}  # this process's, made by `set_up`


def clean(line: str) -> str:
    """The line with control characters and foreign line ends as blanks."""
    return line if line.isprintable() else line.translate(_CONTROL)


class Tokeniser:
    """Raw text to Moses' tokens and back.

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
            self._tokenise = MosesTokenizer(lang=language).tokenize

    def __call__(self, line: str) -> str:
        """Tokens separated by single blanks; Moses' escapes (`&apos;`) included."""
        text = clean(line)
        if self.lowercase:
            text = text.lower()
        if not self._tokenises:
            return " ".join(text.split())
        return str(self._tokenise(self._normalise(text), return_str=True))


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


def set_up(language: str, lowercase: bool, tokenise: bool) -> None:
    """Make this process's tokeniser."""
    _tools["tokeniser"] = Tokeniser(language, lowercase, tokenise)


def lines(chunk: list[str]) -> list[str]:
    """Tokenise a chunk with this process's tokeniser."""
    tokenise = _tools["tokeniser"]
    return [tokenise(line) for line in chunk]


def tokenise_file(
    source: Path, target: Path, language: str, *, lowercase: bool, tokenise: bool, workers: int, progress: Progress
) -> dict[str, int]:
    """Tokenise a file line by line.

    Returns:
        How many `lines` and `tokens` there are.
    """
    counts = {"lines": 0, "tokens": 0}
    arguments = (language, lowercase, tokenise)
    with replacing(target) as file:
        for done in in_order(lines, chunked(_read(source, progress)), workers, set_up, arguments):
            for line in done:
                file.write(line + "\n")
                counts["tokens"] += line.count(" ") + 1 if line else 0
            counts["lines"] += len(done)
    return counts


def _read(source: Path, progress: Progress) -> Iterator[str]:
    for line in iterate_lines(source):
        progress.advance()
        yield line
