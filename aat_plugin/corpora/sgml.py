"""WMT's SGML test sets as lines: the text of each `<seg>`, in order.

Blanks are drawn together as sacreBLEU does it. XML's five entities become their characters (sacreBLEU and Moses'
input-from-sgm.perl leave `&amp;` as it is; training text has none, so that a model would meet words it never saw).
"""

from __future__ import annotations

import re
from typing import BinaryIO

from aat_plugin.corpora.files import reading
from aat_plugin.errors import DataError

MOST = 1 << 26
"""Bytes of a test set at most; newstest2014 has about half a million."""

_SEGMENT = re.compile(r"<seg\b[^>]*>(.*?)</seg\s*>", re.DOTALL | re.IGNORECASE)
_OPENED = re.compile(r"<seg\b", re.IGNORECASE)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))


def segments(file: BinaryIO, name: str) -> list[str]:
    """The segments of a file.

    Args:
        file: at its beginning.
        name: for messages.

    Raises:
        DataError: it has none, one is not closed, or it is too long or not UTF-8.
    """
    with reading(name):
        raw = file.read(MOST + 1)
    if len(raw) > MOST:
        raise DataError(f"{name} is longer than {MOST >> 20} MiB, which no test set is; check the file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}:{line}: not UTF-8; fetch the file again") from None
    found = [_plain(match[1]) for match in _SEGMENT.finditer(text)]
    if not found:
        raise DataError(f"{name} has no <seg>; give one of WMT's .sgm files, or plain text of another name")
    if len(found) != (opened := len(_OPENED.findall(text))):
        raise DataError(f"{name}: {opened} <seg> are opened and {len(found)} closed; fetch the file again")
    return found


def _plain(text: str) -> str:
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[0]], " ".join(text.split()))
