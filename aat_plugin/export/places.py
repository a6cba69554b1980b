"""Where an export goes: a file or a folder that is either what it was or complete."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aat_plugin.errors import DataError


def check_file(source: Path, output: Path) -> None:
    """Refuse a place that cannot be written or that would overwrite what is read, before a long read.

    Raises:
        DataError: names the place and the way out.
    """
    if output.is_dir():
        raise DataError(f"-o {output} is a folder; name a file, such as {output / 'model.pt'}")
    _check_parent(output)
    if source.resolve() == output.resolve():
        raise DataError(f"-o {output} is what is to be converted; give the result another name")


def check_folder(output: Path) -> None:
    """Refuse a folder that is there already, unless it is empty.

    Raises:
        DataError: names the place and the way out.
    """
    _check_parent(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"-o {output} exists already; give another name, or delete it first")


def _check_parent(output: Path) -> None:
    if not output.absolute().parent.is_dir():
        raise DataError(f"-o {output}: its folder does not exist; make it first")


@contextmanager
def folder(output: Path) -> Iterator[Path]:
    """A folder to write into; it takes the name `output` when the block ends well, and vanishes when it does not.

    Raises:
        DataError: the disk is full, `output` is taken …
    """
    check_folder(output)
    temporary = output.absolute().parent / f".{output.name}.{secrets.token_hex(4)}.aat-unfinished"
    try:
        temporary.mkdir()
        yield temporary
        for file in (*temporary.rglob("*"), temporary):
            _flush(file)
        os.replace(temporary, output)  # over an empty folder too
        _flush(output.absolute().parent)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror or error}; nothing was written") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
