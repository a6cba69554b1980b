"""Files of trees, plain or gzip, line by line: strict UTF-8, and every mistake with its file and line.

A packed file is known by its first two bytes, not by its name. Read `trees` first.
"""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from aat_plugin.errors import DataError
from aat_plugin.parsing.trees import Tree, read_line, read_trees

_GZIP = b"\x1f\x8b"


def iterate_lines(path: Path) -> Iterator[str]:
    """The lines of a file without their ends, unpacked if need be, one in memory at a time.

    Raises:
        DataError: the file is missing, unreadable, cut off or no gzip; a line is not UTF-8 (named by its number).
    """
    try:
        with path.open("rb") as file:
            packed = file.peek(2)[:2] == _GZIP
            yield from _decoded(gzip.GzipFile(fileobj=file) if packed else file, path)  # type: ignore[arg-type]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the gzip file is damaged or cut off ({error}); fetch or pack it again") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path and its rights") from None


def _decoded(file: BinaryIO, path: Path) -> Iterator[str]:
    for number, raw in enumerate(file, start=1):
        text = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        try:
            line = text.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{text[error.start]:02x} at column {error.start + 1}"
            hint = f"convert the file, e.g. iconv -f latin1 -t utf-8 {path.name}"
            raise DataError(f"{path}:{number}: not UTF-8 ({found}); {hint}") from None
        yield line.removesuffix("\n").removesuffix("\r")


def iterate_trees(path: Path) -> Iterator[Tree]:
    """The trees of a file, one a line or spread over lines; see `trees.read_trees`.

    Raises:
        DataError: as for `iterate_lines` and `read_trees`.
    """
    return read_trees(iterate_lines(path), str(path))


def iterate_tree_lines(path: Path) -> Iterator[Tree | None]:
    """The trees of a file with one a line; None for a blank line.

    Raises:
        DataError: as for `iterate_lines` and `read_line`.
    """
    for number, line in enumerate(iterate_lines(path), start=1):
        yield read_line(line, str(path), number)
