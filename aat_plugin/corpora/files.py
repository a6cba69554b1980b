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
from typing import TextIO

from aat_plugin.errors import DataError

MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def iterate_lines(path: Path) -> Iterator[str]:
    """The lines of a file without their ends, one in memory at a time; a byte-order mark is left out, `.gz` unpacked.

    Raises:
        DataError: the file is missing, unreadable or a folder; a line is not UTF-8 (named by its number).
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from iterate_stream(file, str(path))
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
            raise _wrong_encoding(name, number, text, error) from None
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
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
            temporary = Path(file.name)
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
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


def _wrong_encoding(path: str, number: int, raw: bytes, error: UnicodeDecodeError) -> DataError:
    name = next((name for mark, name in MARKS.items() if number == 1 and raw.startswith(mark)), "")
    found = f"the file looks like {name}" if name else f"byte 0x{raw[error.start]:02x} at column {error.start + 1}"
    remedy = f"iconv -f {name or 'latin1'} -t utf-8 {Path(path).name}"
    return DataError(f"{path}:{number}: not UTF-8 ({found}); convert the file, e.g. {remedy}")
