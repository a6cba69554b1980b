"""Byte-pair encoding by subword-nmt (Section 5.1's subwords): learn one code for both languages, apply it, undo it.

Words are counted here, in parallel and in a stream; subword-nmt learns from the counts what it would learn from the
text. A word is cut once and then remembered. Read `pairs` next.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import iterate_lines, replacing
from aat_plugin.corpora.parallel import chunked, in_order
from aat_plugin.corpora.progress import Progress
from aat_plugin.errors import DataError

JOINER = "@@"
MIN_FREQUENCY = 2  # subword-nmt's default: rarer pairs are not merged
_tools: dict[str, Any] = {}  # this process's, made by `set_up`


class Subwords:
    """Cuts words by a codes file.

    Raises:
        DataError: the file is missing or is no codes file of subword-nmt.
    """

    def __init__(self, codes: Path) -> None:
        from subword_nmt.apply_bpe import BPE

        text = "\n".join(_checked_codes(codes)) + "\n"
        self._bpe = BPE(io.StringIO(text))

    def __call__(self, line: str) -> str:
        """Subwords separated by blanks; all but a word's last end in `@@`."""
        return str(self._bpe.process_line(line))


def join(line: str) -> str:
    """Undo BPE: what fairseq's --remove-bpe does."""
    return f"{line} ".replace(f"{JOINER} ", "").rstrip()


def _checked_codes(codes: Path) -> list[str]:
    """The lines of a codes file, each of two units (subword-nmt itself would end the program at another)."""
    lines = list(iterate_lines(codes))
    if not lines:
        raise DataError(f"{codes} is empty; it should hold subword-nmt's merges")
    start = 1 if lines[0].startswith("#version:") else 0
    for number, line in enumerate(lines[start:], start=start + 1):
        if len(line.split(" ")) != 2:
            raise DataError(f"{codes}:{number}: no merge of two units; give a codes file of subword-nmt's")
    return lines


def count_words(files: Iterable[Path], workers: int, progress: Progress) -> Counter[str]:
    """How often each word occurs in tokenised files; memory grows with the words, not with the lines."""
    total: Counter[str] = Counter()
    for done in in_order(_count, chunked(_read(files, progress)), workers):
        total.update(done)
    return total


def learn(counts: Counter[str], merges: int, codes: Path) -> dict[str, int]:
    """Learn merges from words' counts and write the codes file.

    Returns:
        How many `words` and `merges` there are; fewer merges than asked for where no pair occurs twice.

    Raises:
        DataError: there is nothing to merge.
    """
    from subword_nmt.learn_bpe import learn_bpe

    counts.pop("", None)
    if not any(len(word) > 1 for word in counts):
        raise DataError("there is no word of two letters to learn subwords from; check the training files")
    words = io.StringIO("".join(f"{word} {count}\n" for word, count in counts.items()))
    with replacing(codes) as file:
        quiet = contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())
        with quiet:  # subword-nmt draws its own bar there
            learn_bpe(words, file, merges, MIN_FREQUENCY, is_dict=True)
    with codes.open(encoding="utf-8") as file:
        return {"words": len(counts), "merges": sum(1 for _ in file) - 1}


def set_up(codes: Path) -> None:
    """Make this process's cutter."""
    _tools["subwords"] = Subwords(codes)


def lines(chunk: list[str]) -> list[str]:
    """Cut a chunk with this process's cutter."""
    cut = _tools["subwords"]
    return [cut(line) for line in chunk]


def apply_to_file(source: Path, target: Path, codes: Path, *, workers: int, progress: Progress) -> dict[str, int]:
    """Cut a tokenised file into subwords.

    Returns:
        How many `lines` and `tokens` (subwords) there are.
    """
    counts = {"lines": 0, "tokens": 0}
    with replacing(target) as file:
        for done in in_order(lines, chunked(_read([source], progress)), workers, set_up, (codes,)):
            for line in done:
                file.write(line + "\n")
                counts["tokens"] += line.count(" ") + 1 if line else 0
            counts["lines"] += len(done)
    return counts


def _count(chunk: Sequence[str]) -> Counter[str]:
    return Counter(word for line in chunk for word in line.split(" "))


def _read(files: Iterable[Path], progress: Progress) -> Iterator[str]:
    for file in files:
        for line in iterate_lines(file):
            progress.advance()
            yield line
