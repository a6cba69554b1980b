"""Byte-pair encoding by subword-nmt (Section 5.1's subwords): learn one code for both languages, apply it, undo it.

Words are counted here, in parallel and in a stream; subword-nmt learns from the counts what it would learn from the
text. A word is cut once and then remembered. The output is subword-nmt's to the byte. Read `pairs` next.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aat_plugin.corpora.blocks import Block, joined, read_blocks
from aat_plugin.corpora.files import iterate_lines, replacing
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.progress import Progress
from aat_plugin.corpora.streams import Made, Run, transform
from aat_plugin.corpora.words import MOST
from aat_plugin.errors import DataError

JOINER = "@@"
MIN_FREQUENCY = 2  # subword-nmt's default: rarer pairs are not merged


class Subwords:
    """Cuts words by a codes file.

    Raises:
        DataError: the file is missing or is no codes file of subword-nmt.
    """

    def __init__(self, codes: Path) -> None:
        from subword_nmt.apply_bpe import BPE

        text = "\n".join(_checked_codes(codes)) + "\n"
        self._bpe = BPE(io.StringIO(text), separator=JOINER)
        self._pieces = _Pieces(self._bpe)

    def __call__(self, line: str) -> str:
        """Subwords separated by blanks; all but a word's last end in `@@`. Blanks at the ends stay."""
        words = line.split(" ")
        if "" in words:
            return str(self._bpe.process_line(line))
        return " ".join(map(self._pieces.__getitem__, words))


class _Pieces(dict[str, str]):
    """Word → its subwords, remembered; bounded, as subword-nmt's own memory is not."""

    def __init__(self, bpe: object) -> None:
        super().__init__()
        self._bpe = bpe

    def __missing__(self, word: str) -> str:
        if len(self) >= MOST:
            self.clear()
        self._bpe.cache.clear()  # type: ignore[attr-defined]
        self[word] = pieces = " ".join(self._bpe.segment_tokens([word]))  # type: ignore[attr-defined]
        return pieces


def join(line: str) -> str:
    """Undo BPE: what fairseq's --remove-bpe does."""
    return f"{line} ".replace(f"{JOINER} ", "").rstrip()


def _checked_codes(codes: Path) -> list[str]:
    """The lines of a codes file, each of two units (subword-nmt itself would end the program at another)."""
    lines = list(iterate_lines(codes))
    if not lines:
        raise DataError(f"{codes} is empty; it should hold subword-nmt's merges")
    start = 1 if lines[0].startswith("#version:") else 0
    if start and lines[0].split()[-1] not in ("0.1", "0.2"):
        raise DataError(f"{codes}:1: not a version of subword-nmt's (0.1, 0.2); give a codes file of subword-nmt's")
    for number, line in enumerate(lines[start:], start=start + 1):
        units = line.split(" ")
        if len(units) != 2 or not all(units):
            raise DataError(f"{codes}:{number}: no merge of two units; give a codes file of subword-nmt's")
    return lines


def count_words(files: Iterable[Path], workers: Workers, title: str) -> Counter[str]:
    """How often each word occurs in tokenised files; memory grows with the words, not with the lines."""
    total: Counter[str] = Counter()
    with Progress(title) as progress:
        for file in files:
            for lines, counts in workers.in_order(_count, read_blocks([file])):
                total.update(counts)
                progress.advance(lines)
    return total


def _count(block: Block) -> tuple[int, Counter[str]]:
    counts = Counter(" ".join(block.texts()).split(" "))
    counts.pop("", None)
    return block.lines, counts


def learn(counts: Counter[str], merges: int, codes: Path) -> dict[str, int]:
    """Learn merges from words' counts and write the codes file.

    Returns:
        How many `words` and `merges` there are; fewer merges than asked for where no pair occurs twice.

    Raises:
        DataError: there is nothing to merge.
    """
    from subword_nmt.learn_bpe import learn_bpe

    if not any(len(word) > 1 for word in counts):
        raise DataError("there is no word of two letters to learn subwords from; check the training files")
    words = io.StringIO("".join(f"{word} {count}\n" for word, count in counts.items()))
    with replacing(codes) as file:
        quiet = contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())
        with quiet:  # subword-nmt draws its own bar there
            learn_bpe(words, file, merges, MIN_FREQUENCY, is_dict=True)
    with codes.open(encoding="utf-8") as file:
        return {"words": len(counts), "merges": sum(1 for _ in file) - 1}


@dataclass(frozen=True)
class CutBlock:
    """Work for `streams.transform`.

    Attributes:
        codes: the codes file.
        checksum: of its content, so that a process which remembers another one's words takes this one's.
    """

    codes: Path
    checksum: str

    def __call__(self, block: Block) -> Made:
        """The block's subwords; counts `tokens`."""
        cut = _subwords(self)
        lines = [cut(line) for line in block.texts()]
        return Made((joined(lines),), {"tokens": sum(len(line.split()) for line in lines)})


@lru_cache(maxsize=4)
def _subwords(options: CutBlock) -> Subwords:
    """One for each process, since it remembers words."""
    return Subwords(options.codes)


def apply_to_file(source: Path, target: Path, options: CutBlock, run: Run) -> dict[str, int]:
    """Cut a tokenised file into subwords.

    Returns:
        How many `lines` and `tokens` (subwords) there are.
    """
    return transform([source], [target], options, run, f"subwords {target.name}")
