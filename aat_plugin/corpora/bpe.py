"""Byte-pair encoding by subword-nmt (Section 5.1's subwords): learn one code for both languages, apply it, undo it.

Words are counted in parallel and in a stream; learning from the counts is `learn_bpe`; a word is cut once and then
remembered. Codes and text are subword-nmt's to the byte. Read `pairs` next.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from aat_plugin.corpora import learn_bpe
from aat_plugin.corpora.blocks import Block, joined, read_blocks
from aat_plugin.corpora.files import iterate_lines, replacing
from aat_plugin.corpora.learn_bpe import END
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.progress import Progress
from aat_plugin.corpora.streams import Made, Run, transform
from aat_plugin.corpora.wordpiece import WordPieces
from aat_plugin.corpora.words import MOST
from aat_plugin.errors import DataError

JOINER = "@@"
UNMERGED = sys.maxsize  # the rank of a pair that no merge is for
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
    """Word → its subwords, remembered; bounded, as subword-nmt's own memory is not.

    Args:
        bpe: subword-nmt's.
    """

    def __init__(self, bpe: Any) -> None:
        super().__init__()
        self._ranks: dict[tuple[str, str], int] = bpe.bpe_codes
        self._bpe = bpe
        self._old = bpe.version == (0, 1)

    def __missing__(self, word: str) -> str:
        if len(self) >= MOST:
            self.clear()
            self._bpe.cache.clear()
        if self._old or len(word) < 2:
            pieces = " ".join(self._bpe.segment_tokens([word]))
        else:
            pieces = f"{JOINER} ".join(self._cut(word))
        self[word] = pieces
        return pieces

    def _cut(self, word: str) -> list[str]:
        """What subword-nmt's `encode` does, which looks up all pairs again after each merge; only two are new."""
        rank = self._ranks.get
        symbols = [*word[:-1], word[-1] + END]
        ranks = [rank(pair, UNMERGED) for pair in pairwise(symbols)]
        while ranks and (best := min(ranks)) != UNMERGED:
            place = ranks.index(best)
            while True:  # the same pair, further on in the word
                symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
                del ranks[place]
                if place:
                    ranks[place - 1] = rank((symbols[place - 1], symbols[place]), UNMERGED)
                if place < len(ranks):
                    ranks[place] = rank((symbols[place], symbols[place + 1]), UNMERGED)
                if best not in ranks:
                    break
                place = ranks.index(best)
        symbols[-1] = symbols[-1].removesuffix(END)
        return symbols


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
    if not any(len(word) > 1 for word in counts):
        raise DataError("there is no word of two letters to learn subwords from; check the training files")
    with replacing(codes) as file, Progress("learn subwords", merges, unit="merges") as progress:
        file.write("#version: 0.2\n")
        found = 0
        for left, right in learn_bpe.learn(counts, merges, MIN_FREQUENCY):
            file.write(f"{left} {right}\n")
            found += 1
            progress.advance()
    return {"words": len(counts), "merges": found}


@dataclass(frozen=True)
class CutBlock:
    """Work for `streams.transform`.

    Attributes:
        codes: the codes file.
        checksum: of its content, so that a process which remembers another one's words takes this one's.
        pieces: `bpe`, or `wordpiece`, whose file is a model (`wordpiece`).
    """

    codes: Path
    checksum: str
    pieces: str = "bpe"

    def __call__(self, block: Block) -> Made:
        """The block's subwords; counts `tokens`."""
        cut = _subwords(self)
        lines = [cut(line) for line in block.texts()]
        return Made((joined(lines),), {"tokens": sum(len(line.split()) for line in lines)})


@lru_cache(maxsize=4)
def _subwords(options: CutBlock) -> Callable[[str], str]:
    """One for each process, since it remembers words."""
    return cutter(options.codes, options.pieces)


def cutter(codes: Path, pieces: str) -> Callable[[str], str]:
    """Line → its pieces, by the file of either kind."""
    return WordPieces(codes) if pieces == "wordpiece" else Subwords(codes)


def apply_to_file(source: Path, target: Path, options: CutBlock, run: Run) -> dict[str, int]:
    """Cut a tokenised file into subwords.

    Returns:
        How many `lines` and `tokens` (subwords) there are.
    """
    return transform([source], [target], options, run, f"subwords {target.name}")
