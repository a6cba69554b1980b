"""fairseq's dictionaries and its memory-mapped data sets, to the byte as fairseq-preprocess 0.12.3 writes them.

The formats are written here because fairseq's own writer keeps every sentence's length as a Python object and goes word
by word; nothing of fairseq is imported, so that the processes which do the work stay small. The tests hold every file
against fairseq-preprocess'. Read `corpora.pairs`, which calls this.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from aat_plugin.corpora.blocks import Block
from aat_plugin.corpora.files import UNFINISHED, cannot_write, iterate_lines, replacing, replacing_bytes, sha256
from aat_plugin.corpora.pairs import Binarise
from aat_plugin.corpora.stages import Counts
from aat_plugin.corpora.streams import Made, Run, transform

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
EOS, UNK = 2, 3
PADDED_TO = 8  # types are filled up to a multiple with `madeupword`s: fairseq's --padding-factor
CHUNK = 1 << 20  # sentences whose places are counted at a time

# fairseq.data.indexed_dataset, MMapIndexedDataset.Index
MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
CODES = {np.dtype(np.uint16): 8, np.dtype(np.uint32): 9}


def write_dictionary(counts: Counter[str], path: Path) -> int:
    """Write dict.LANGUAGE.txt: pieces by falling count, equal counts by their characters' numbers.

    Args:
        counts: how often each piece occurs.
        path: the file.

    Returns:
        How many types it has for fairseq, the four special ones counted.
    """
    words = [word for word in counts if word not in SPECIAL]
    words.sort(key=lambda word: (-counts[word], word))
    there = set(words)
    filling = 0
    while (len(words) + len(SPECIAL)) % PADDED_TO:
        word = f"madeupword{filling:04d}"
        filling += 1
        if word not in there:
            words.append(word)
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as file:
        file.writelines(f"{word} {counts[word]}\n" for word in words)
    return len(words) + len(SPECIAL)


def encode(source: Path, dictionary: Path, data: Path, index: Path, run: Run) -> Counts:
    """Turn a file of pieces into numbers.

    Args:
        source: pieces between blanks, a sentence a line.
        dictionary: of `write_dictionary`.
        data: the .bin, every sentence's numbers with the end symbol's.
        index: the .idx, where each sentence begins and how long it is.
        run: processes and journal.

    Returns:
        `lines`, `tokens` (end symbols counted) and how many of them are `unknown`.

    Raises:
        DataError: a file cannot be read or written.
    """
    work = EncodeBlock(dictionary, sha256(dictionary))
    sizes = index.with_name(f".{index.name}.sizes{UNFINISHED}")
    counts = transform([source], [data, sizes], work, run, f"binarise {source.name}")
    _write_index(sizes, index, work.dtype)
    with cannot_write(sizes):
        sizes.unlink()
    return counts


@dataclass(frozen=True)
class EncodeBlock:
    """Work for `streams.transform`.

    Attributes:
        dictionary: the file.
        checksum: of its content, so that a process which remembers another one takes this one.
    """

    dictionary: Path
    checksum: str

    def __call__(self, block: Block) -> Made:
        """The block's numbers and its sentences' lengths; counts `tokens` and `unknown`."""
        lines = [[*line.split(), "\n"] for line in block.texts()]
        table = _numbers(self)
        found = np.array([table[word] for line in lines for word in line], dtype=self.dtype)
        sizes = np.array([len(line) for line in lines], dtype=np.int32)
        unknown = int((found == UNK).sum())
        return Made((found.tobytes(), sizes.tobytes()), {"tokens": len(found), "unknown": unknown})

    @property
    def dtype(self) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
        """The smallest type that fairseq takes for a dictionary of this size."""
        return np.dtype(np.uint16) if _numbers(self).types < 65500 else np.dtype(np.uint32)


class _Numbers(dict[str, int]):
    """Piece → number; `\\n`, which no piece can be, ends a sentence."""

    def __init__(self, words: Iterator[str]) -> None:
        super().__init__((word, number) for number, word in enumerate((*SPECIAL, *words)))
        self.types = len(self)
        self["\n"] = EOS

    def __missing__(self, word: str) -> int:
        return UNK


@lru_cache(maxsize=2)
def _numbers(options: EncodeBlock) -> _Numbers:
    """One for each process."""
    return _Numbers(line.rsplit(" ", 1)[0] for line in iterate_lines(options.dictionary))


def _write_index(sizes: Path, index: Path, dtype: np.dtype[np.uint16] | np.dtype[np.uint32]) -> None:
    """fairseq's index: a header, the sentences' lengths (int32), their first bytes in the .bin (int64)."""
    count = sizes.stat().st_size // np.dtype(np.int32).itemsize
    with replacing_bytes(index) as file:
        file.write(MAGIC + struct.pack("<QBQ", VERSION, CODES[dtype], count))
        for part in _chunks(sizes):
            file.write(part.tobytes())
        start = 0
        for part in _chunks(sizes):
            ends = start + np.cumsum(part, dtype=np.int64) * dtype.itemsize
            file.write((ends - part.astype(np.int64) * dtype.itemsize).tobytes())
            start = int(ends[-1])


def _chunks(sizes: Path) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int32]]]:
    with sizes.open("rb") as file:
        while raw := file.read(CHUNK * np.dtype(np.int32).itemsize):
            yield np.frombuffer(raw, dtype=np.int32)


PAIR = Binarise(write_dictionary, encode)
