"""Single files out of .tar, .tgz and the like, safely: what is asked for is copied to a place that we choose.

No name inside an archive ever becomes a path, so nothing can be written elsewhere; a link, a device or a folder under a
name that was asked for is refused. The archive is read once, as a stream, and everything else in it is passed over.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aat_plugin.corpora.files import replacing, replacing_bytes
from aat_plugin.corpora.sgml import segments
from aat_plugin.errors import DataError

CHUNK = 1 << 20
SGML = ".sgm"
Report = Callable[[int], None]  # bytes more


@dataclass(frozen=True)
class Wanted:
    """A file to take out.

    Attributes:
        names: inside the archive; the first that is met counts, in case it goes by more than one.
        target: where it is put, whole or not at all; `.sgm` becomes lines, anything else stays as it is.
    """

    names: tuple[str, ...]
    target: Path


def extract(archive: Path, wanted: Sequence[Wanted], report: Report | None = None) -> int:
    """Take files out of an archive.

    Args:
        report: is told the progress.

    Returns:
        How many bytes they have, as they are in the archive.

    Raises:
        DataError: the archive is missing or damaged, lacks a file, or has something else under its name.
    """
    left = {name: one for one in wanted for name in one.names}
    size = 0
    try:
        with tarfile.open(archive, "r|*") as packed:
            for entry in packed:
                packed.members = []  # type: ignore[attr-defined]  # or it would remember all of them
                found = left.get(entry.name.removeprefix("./"))
                if found is None:
                    continue
                size += _take(archive, packed, entry, found.target, report)
                left = {name: one for name, one in left.items() if one != found}
                if not left:
                    return size
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{archive} is damaged or no archive ({error}); fetch or copy it again") from None
    except OSError as error:
        reason = error.strerror or error  # gzip's own has none
        raise DataError(f"cannot read {archive} ({reason}); check the path, or fetch it again") from None
    missing = next(one for one in wanted if one in left.values())
    raise DataError(f"{archive} does not hold {' or '.join(missing.names)}; it may be another version: give --raw")


def _take(
    archive: Path, packed: tarfile.TarFile, entry: tarfile.TarInfo, target: Path, report: Report | None
) -> int:
    file = packed.extractfile(entry) if entry.isreg() else None
    if file is None:
        raise DataError(f"{archive}: '{entry.name}' is no plain file but a link or device; nothing of it was used")
    copy(file, f"{archive}:{entry.name}", target, report)
    return entry.size


def copy(file: IO[bytes], name: str, target: Path, report: Report | None = None) -> None:
    """Put an open file in its place; SGML (by its name) becomes lines.

    Raises:
        DataError: it cannot be written, or is no SGML of WMT's.
    """
    if name.endswith(SGML):
        lines = segments(file, name)  # type: ignore[arg-type]
        with replacing(target) as made:
            made.writelines(f"{line}\n" for line in lines)
        return
    with replacing_bytes(target) as opened:
        while chunk := file.read(CHUNK):
            opened.write(chunk)
            if report is not None:
                report(len(chunk))
