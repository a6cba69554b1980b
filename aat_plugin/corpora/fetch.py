"""Fetch a corpus' files: resumed after a break, checked against a published checksum, complete or not there.

`https://`, `http://` and `file://` are understood, so that a mirror may be a folder. A download grows in `NAME.part`;
a gzip file is unpacked on its way to its place; the checksum is that of the unpacked content. Read `sources` next.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from aat_plugin.corpora.files import cannot_write
from aat_plugin.errors import DataError

CHUNK = 1 << 20
TIMEOUT = 60  # seconds without a byte
SCHEMES = ("https", "http", "file")
Report = Callable[[int, int | None], None]  # bytes there, bytes in all where the server says so


def fetch(url: str, target: Path, checksum: str | None, report: Report | None = None) -> bool:
    """Bring one file to its place.

    Args:
        url: where it lies; one that ends in `.gz` is unpacked.
        target: the unpacked file's place.
        checksum: of the unpacked content: SHA-256, or MD5 written `md5:…`; None where nobody has published one, and
            then a file that is there is taken for the right one, since only complete ones get its name.
        report: is told the progress in bytes.

    Returns:
        Whether anything was fetched; False where the right file is there already.

    Raises:
        DataError: an address that cannot be read, or content with another checksum (which is not kept).
    """
    if target.is_file() and (checksum is None or _digest(target, checksum) == checksum):
        return False
    with cannot_write(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    _download(url, part, report)
    unpacked = target.with_name(f"{target.name}.unfinished")
    try:
        _unpack(url, part, unpacked)
        if checksum is not None and (found := _digest(unpacked, checksum)) != checksum:
            raise DataError(f"{url} has the checksum {found}, not {checksum}: another version; use --mirror or --raw")
        unpacked.replace(target)
    finally:
        unpacked.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    return True


def _download(url: str, part: Path, report: Report | None) -> None:
    """Append what `part` lacks; a server that cannot resume sends it whole again."""
    if urlsplit(url).scheme not in SCHEMES:
        raise DataError(f"{url}: the address must begin with one of {', '.join(f'{one}://' for one in SCHEMES)}")
    there = part.stat().st_size if part.is_file() else 0
    total: int | None = None
    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"} if there else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 - the scheme is checked above
            resumed = response.status == 206
            length = response.headers.get("Content-Length")
            done = there if resumed else 0
            total = done + int(length) if length else None
            with cannot_write(part):
                file = part.open("ab" if resumed else "wb")
            with file:
                while chunk := response.read(CHUNK):
                    with cannot_write(part):
                        file.write(chunk)
                    done += len(chunk)
                    if report is not None:
                        report(done, total)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing is left to send, `part` is whole
            raise DataError(f"{url}: the server answers {error.code} {error.reason}; try --mirror or --raw") from error
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DataError(f"{url} cannot be read ({reason}); run it again to go on, or use --mirror or --raw") from error
    if total is not None and (missing := total - part.stat().st_size):
        raise DataError(f"{url} broke off {missing} bytes before its end; run it again to go on")


def _unpack(url: str, part: Path, unpacked: Path) -> None:
    if not urlsplit(url).path.endswith(".gz"):
        part.replace(unpacked)
        return
    try:
        with gzip.open(part, "rb") as packed, unpacked.open("wb") as file:
            shutil.copyfileobj(packed, file, CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{url} is no whole gzip file ({error}); run it again, or use --mirror or --raw") from error


def _digest(file: Path, like: str) -> str:
    """The file's checksum, of the kind and in the form of another."""
    kind, colon, _ = like.rpartition(":")
    with file.open("rb") as opened:
        return f"{kind}{colon}{hashlib.file_digest(opened, kind or 'sha256').hexdigest()}"
