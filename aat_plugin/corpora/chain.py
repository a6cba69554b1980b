"""Several files read as one, so that a corpus in parts need not be copied together. Read `blocks` next."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from aat_plugin.corpora.files import open_bytes, reading

BUFFER = 1 << 20


@dataclass(frozen=True)
class Chain:
    """Files one after another. A last line without an end is given one, or it would grow together with the next.

    Attributes:
        paths: `.gz` is unpacked.
    """

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return " + ".join(map(str, self.paths))


Source = Path | Chain
"""What can be read line by line."""


def paths_of(sources: Sequence[Source]) -> list[Path]:
    """All files, in their order."""
    return [path for one in sources for path in (one.paths if isinstance(one, Chain) else (one,))]


def open_source(source: Source) -> BinaryIO:
    """A file or a chain to read; it can go forward to a place, as `read_blocks` does."""
    if isinstance(source, Chain):
        return cast(BinaryIO, io.BufferedReader(_Chained(source.paths), BUFFER))
    return open_bytes(source)


class _Chained(io.RawIOBase):
    """The bytes of a chain."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._left = list(paths)
        self._file: BinaryIO | None = None
        self._name = Path()
        self._ended = True  # the last byte was a line's end

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Forward, from where it is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Pass over so many bytes; only from the beginning, before anything was read."""
        left = offset
        while left and (skipped := self._skip(left)):
            left -= skipped
        return offset - left

    def _skip(self, most: int) -> int:
        """Pass over whole files where their size is known, else read."""
        if self._file is None and self._left and self._left[0].suffix != ".gz":
            size = self._left[0].stat().st_size
            if 0 < size < most and _ends_a_line(self._left[0]):
                self._left.pop(0)
                return size
        buffer = bytearray(min(most, BUFFER))
        return self.readinto(buffer)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Some bytes of the file that is being read; of the next one, where it is at its end."""
        while self._file is not None or self._left:
            if self._file is None:
                self._name = self._left.pop(0)
                with reading(self._name):
                    self._file = open_bytes(self._name)
            with reading(self._name):
                part = self._file.read(len(buffer))
            if part:
                buffer[: len(part)] = part
                self._ended = part.endswith(b"\n")
                return len(part)
            self._file.close()
            self._file = None
            if not self._ended:
                self._ended = True
                buffer[:1] = b"\n"
                return 1
        return 0

    def close(self) -> None:
        """Close what is open."""
        if self._file is not None:
            self._file.close()
        super().close()


def _ends_a_line(path: Path) -> bool:
    with reading(path), path.open("rb") as file:
        file.seek(-1, io.SEEK_END)
        return file.read(1) == b"\n"
