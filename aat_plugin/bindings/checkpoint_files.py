"""Writing checkpoint files so that a kill, a full disk or Ctrl-C at any moment leaves the older file whole.

A file is written under a temporary name in the same folder, flushed to the disk, and then renamed over the old one,
which is atomic; the folder is flushed too. The temporary is locked while it is written, so that what a killed run left
behind can be told from what another process is writing now, and is removed by the next save into the folder.
Read `checkpoint` next: it puts these functions in the place of fairseq's.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, BinaryIO, cast

import torch

from aat_plugin.errors import CheckpointError

UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.aat-unfinished")
COPY_BYTES = 16 * 2**20

MORE_SPACE = "free some space (--keep-interval-updates and --keep-last-epochs keep fewer files)"
WAY_OUT = {
    errno.ENOSPC: MORE_SPACE,
    errno.EDQUOT: MORE_SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EACCES: "make the folder writable or give another --save-dir",
    errno.EPERM: "make the folder writable or give another --save-dir",
    errno.EROFS: "give a --save-dir on a disk that can be written",
}


class _FirstError:
    """A file that remembers the first exception of its `write`.

    torch.save answers a failed write by writing the archive's end, fails again, and raises that second, obscure error.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.error: BaseException | None = None
        self._file = file

    def write(self, data: bytes) -> int:
        if self.error is not None:
            raise self.error
        try:
            return self._file.write(data)
        except BaseException as error:
            self.error = error
            raise

    def flush(self) -> None:
        if self.error is None:
            self._file.flush()


def save_atomically(state: object, path: str) -> None:
    """Write `state` with torch.save so that `path` is either what it was or complete.

    Raises:
        CheckpointError: the disk is full, the folder cannot be written …; the older file is untouched.
    """
    with _explained(path), _replacing(path) as file:
        remembering = _FirstError(file)
        try:
            torch.save(state, cast("IO[bytes]", remembering))
        except BaseException:
            if remembering.error is not None:
                raise remembering.error from None
            raise


def copy_atomically(source: str, path: str) -> str:
    """Copy a file so that `path` is either what it was or complete.

    A hard link would be quicker, but then damage to the one file (a bad sector, `cp` over it, stock fairseq's copying
    in place) would be damage to both, and `checkpoint_last.pt` could no longer be replaced by its twin.

    Returns:
        `path`.

    Raises:
        CheckpointError: as for `save_atomically`.
    """
    with _explained(path), open(source, "rb") as original, _replacing(path) as file:
        shutil.copyfileobj(original, file, COPY_BYTES)
    return path


def remove_unfinished(directory: str) -> None:
    """Remove the temporaries that killed runs left in `directory`; one that is being written is locked and stays."""
    with os.scandir(directory) as entries:
        names = [entry.path for entry in entries if UNFINISHED.fullmatch(entry.name)]
    for name in names:
        # Gone meanwhile, not ours to remove, or locked by the process that writes it: nothing to do.
        with suppress(FileNotFoundError, PermissionError, BlockingIOError), open(name, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Turn a failure of the disk into one line."""
    try:
        yield
    except OSError as error:
        way_out = WAY_OUT.get(error.errno or 0, "check the disk")
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}; older checkpoints are untouched: {way_out}, "
            "then start the same command again to go on from the last one"
        ) from error


@contextmanager
def _replacing(path: str) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well, and vanishes when it does not."""
    directory = os.path.dirname(path) or "."
    remove_unfinished(directory)
    temporary, file = _create(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            # Renamed while still open: the lock goes with the file, and nobody may take it for a left-over.
            os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(directory)


def _create(path: str) -> tuple[str, BinaryIO]:
    """A new, locked file next to `path`, with the rights that a plain `open` would give it."""
    directory, name = os.path.split(path)
    while True:
        temporary = os.path.join(directory, f".{name}.{secrets.token_hex(4)}.aat-unfinished")
        file = os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")
        # A file system without locks: remove_unfinished cannot lock there either, and leaves the file alone.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink > 0:
            return temporary, file
        file.close()  # another process took it for a left-over before it was locked


def _sync_directory(directory: str) -> None:
    """Flush the renaming itself, so that it outlives a power cut; some network file systems have no such thing."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
