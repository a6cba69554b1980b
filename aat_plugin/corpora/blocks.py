"""Text files in blocks of whole lines, several files side by side: what is sent to other processes and back.

A block is about a quarter of a megabyte: small enough that a few of them in flight are no memory to speak of, large
enough that sending one costs nothing beside the work on it. Read `streams` next, which works on blocks in parallel.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from aat_plugin.corpora.chain import Source, open_source
from aat_plugin.corpora.files import reading, wrong_encoding
from aat_plugin.errors import DataError

BLOCK = 1 << 18
"""Bytes that a block of the first file holds, filled up to a line's end."""


@dataclass(frozen=True)
class Block:
    """The same lines of one or more files.

    Attributes:
        names: the files', for messages.
        first: the number of the first line, from 1.
        lines: how many.
        raw: each file's bytes, line ends included; the very last line may lack its own.
        ends: where in each file (unpacked) the block ends, in bytes.
    """

    names: tuple[str, ...]
    first: int
    lines: int
    raw: tuple[bytes, ...]
    ends: tuple[int, ...]

    def texts(self, side: int = 0) -> list[str]:
        """One file's lines without their ends; as `files.iterate_lines` has them.

        Raises:
            DataError: a line is not UTF-8 (named by its number).
        """
        raw = self.raw[side].removeprefix(codecs.BOM_UTF8) if self.first == 1 else self.raw[side]
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._wrong_encoding(side, raw, error.start) from None
        lines = text.replace("\r\n", "\n").split("\n")
        if raw.endswith(b"\n"):
            lines.pop()
        else:
            lines[-1] = lines[-1].removesuffix("\r")
        return lines

    def _wrong_encoding(self, side: int, raw: bytes, place: int) -> DataError:
        before = raw.count(b"\n", 0, place)
        start = raw.rfind(b"\n", 0, place) + 1
        line = raw[start:].split(b"\n", 1)[0]
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return wrong_encoding(self.names[side], self.first + before, line, error)
        raise AssertionError(f"{self.names[side]}: the line that could not be decoded can be")


def joined(lines: Sequence[str]) -> bytes:
    """Lines as a file holds them."""
    return "".join([f"{line}\n" for line in lines]).encode()


def read_blocks(paths: Sequence[Source], lines: int = 0, offsets: Sequence[int] | None = None) -> Iterator[Block]:
    """Read files side by side.

    Args:
        paths: of equally many lines; `.gz` is unpacked, a chain is read as one file.
        lines: how many are skipped, and
        offsets: where in each file (unpacked) they end, as an earlier block's `ends` says.

    Raises:
        DataError: a file is missing or unreadable; the files differ in length.
    """
    names = tuple(map(str, paths))
    ends = list(offsets or [0] * len(paths))
    with ExitStack() as stack:
        files = []
        for path, offset in zip(paths, ends, strict=True):
            with reading(str(path)):
                files.append(stack.enter_context(open_source(path)))
                files[-1].seek(offset)
        first = lines + 1
        while True:
            raw, counts = _take(files, names)
            if len(set(counts)) > 1:
                raise DifferentLengths(names, first, counts)
            if not counts[0]:
                return
            ends = [end + len(part) for end, part in zip(ends, raw, strict=True)]
            yield Block(names, first, counts[0], tuple(raw), tuple(ends))
            first += counts[0]


class DifferentLengths(DataError):
    """One of the files ends before the others; `pair_check` says near which line they part."""

    def __init__(self, names: Sequence[str], first: int, counts: Sequence[int]) -> None:
        shortest = min(range(len(counts)), key=counts.__getitem__)
        last = first - 1 + counts[shortest]
        longer = next(name for name, count in zip(names, counts, strict=True) if count > counts[shortest])
        super().__init__(f"{names[shortest]} ends after line {last} and {longer} goes on; they must be of equal length")


def _take(files: Sequence[BinaryIO], names: Sequence[str]) -> tuple[list[bytes], list[int]]:
    """The next lines of each file, and how many they are."""
    with reading(names[0]):
        raw = [files[0].read(BLOCK)]
        if raw[0] and not raw[0].endswith(b"\n"):
            raw[0] += files[0].readline()
    counts = [raw[0].count(b"\n")]
    at_end = not raw[0].endswith(b"\n")
    counts[0] += at_end and bool(raw[0])
    for file, name in zip(files[1:], names[1:], strict=True):
        with reading(name):
            lines = list(islice(file, counts[0] + at_end))  # one more where the first has no more
        raw.append(b"".join(lines))
        counts.append(len(lines))
    return raw, counts
