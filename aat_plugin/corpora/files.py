"""Text files, line by line: strict UTF-8, and every mistake with its file and line.

A line ends at a line feed and nowhere else (Python's `splitlines` also splits at U+2028 and others, which perl, fairseq
and sacreBLEU keep inside a sentence); a carriage return before it belongs to the line's end.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from aat_plugin.errors import DataError

UNFINISHED = ".unfinished"
"""How the name of a file ends that is being written: `.NAME….unfinished`."""

MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def iterate_lines(path: Path) -> Iterator[str]:
    """The lines of a file without their ends, one in memory at a time; a byte-order mark is left out, `.gz` unpacked.

    Raises:
        DataError: the file is missing, unreadable or a folder; a line is not UTF-8 (named by its number).
    """
    with reading(path), open_bytes(path) as file:
        yield from iterate_stream(file, str(path))


def open_bytes(path: Path) -> BinaryIO:
    """A file to read, `.gz` unpacked."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """What goes wrong in the block is said of this file.

    Raises:
        DataError: it is missing, unreadable, a folder, or no whole gzip file.
    """
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is no whole gzip file ({error}); fetch or copy it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path and its rights") from None


def iterate_stream(file: Iterable[bytes], name: str) -> Iterator[str]:
    """The lines of an open binary file, such as standard input, as `iterate_lines` has them.

    Raises:
        DataError: a line is not UTF-8.
    """
    for number, raw in enumerate(file, start=1):
        text = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            line = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise wrong_encoding(name, number, text, error) from None
        yield line.removesuffix("\n").removesuffix("\r")


def read_lines(path: Path) -> list[str]:
    """All lines of a file; see `iterate_lines`."""
    return list(iterate_lines(path))


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place, flush it and rename it: it is either what it was or complete.

    Raises:
        DataError: the folder is missing or cannot be written, the disk is full …
    """
    with replacing(path) as file:
        file.write(text)


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes `path`'s place when the block is left, flushed and renamed; not if it is left by an error.

    Raises:
        DataError: the folder is missing or cannot be written, the disk is full …
    """
    with _beside(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def replacing_bytes(path: Path) -> Iterator[BinaryIO]:
    """The same for a binary file."""
    with _beside(path) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A fresh file in the same folder, which takes `path`'s place."""
    with cannot_write(path):
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED, delete=False
        ) as file:
            temporary = Path(file.name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def cannot_write(path: Path) -> Iterator[None]:
    """What goes wrong in the block is said of writing this file.

    Raises:
        DataError: the folder is missing or cannot be written, the disk is full …
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}; check the folder, its rights and its space") from None


def sha256(path: Path) -> str:
    """The checksum of a file's content.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path and its rights") from None


def wrong_encoding(path: str, number: int, raw: bytes, error: UnicodeDecodeError) -> DataError:
    """The mistake of a line in another encoding, with the way to convert the file."""
    name = next((name for mark, name in MARKS.items() if number == 1 and raw.startswith(mark)), "")
    found = f"the file looks like {name}" if name else f"byte 0x{raw[error.start]:02x} at column {error.start + 1}"
    remedy = f"iconv -f {name or 'latin1'} -t utf-8 {Path(path).name}"
    return DataError(f"{path}:{number}: not UTF-8 ({found}); convert the file, e.g. {remedy}")
