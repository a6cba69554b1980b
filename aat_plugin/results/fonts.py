"""Which installed fonts hold the letters that a picture needs, so that no script comes out as empty boxes.

An SVG keeps text as text and leaves fonts to its reader; a PNG or PDF needs them here. Read `charts` first.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # fairseq lets every library say everything
DEFAULT = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic and symbols, but no East Asian script."""
BOXES = "Last Resort"
"""matplotlib's own font of boxes for every letter there is."""

PACKAGES: tuple[tuple[int, int, str], ...] = (
    (0x1100, 0x11FF, "fonts-noto-cjk"), (0x2E80, 0xA4CF, "fonts-noto-cjk"), (0xA960, 0xD7FF, "fonts-noto-cjk"),
    (0xF900, 0xFAFF, "fonts-noto-cjk"), (0xFE30, 0xFE4F, "fonts-noto-cjk"), (0xFF00, 0xFFEF, "fonts-noto-cjk"),
    (0x1F000, 0x1FAFF, "fonts-symbola"), (0x20000, 0x3FFFF, "fonts-noto-cjk"),
)  # fmt: skip
"""First and last letter of a range, and the Debian package whose font holds it; all others: fonts-noto-core."""


def families(texts: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """Fonts that together hold every letter of the texts.

    Returns:
        The fonts' names, the default first, and the letters that no installed font holds, sorted.
    """
    missing = {letter for text in texts for letter in text if letter.isprintable() and not letter.isspace()}
    missing -= _letters(_default_file())
    names = [DEFAULT]
    while missing:
        best = max(_installed(), key=lambda font: len(missing & _letters(font[1])), default=None)
        found = missing & _letters(best[1]) if best is not None else set()
        if best is None or not found:
            break
        names.append(best[0])
        missing -= found
    return tuple(names), sorted(missing)


def advice(missing: Sequence[str]) -> str:
    """One line: which letters have no font here, and which package brings one; empty where none is missing."""
    if not missing:
        return ""
    shown = "".join(missing[:10]) + ("…" if len(missing) > 10 else "")
    packages = " ".join(sorted({package(letter) for letter in missing}))
    return f"no installed font has {shown}: apt-get install {packages}, or write .svg or .html, where text stays text"


def package(letter: str) -> str:
    """The Debian package whose font holds a letter."""
    point = ord(letter)
    return next((name for first, last, name in PACKAGES if first <= point <= last), "fonts-noto-core")


def _default_file() -> str:
    from matplotlib import font_manager

    return font_manager.findfont(DEFAULT)


@functools.cache
def _installed() -> tuple[tuple[str, str], ...]:
    """(name, file) of every font; those that came after matplotlib made its list are added to it."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    known = {entry.fname for entry in manager.ttflist}
    for file in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            manager.addfont(file)
        except (RuntimeError, OSError):  # a file that FreeType cannot read draws nothing
            continue
    return tuple(
        (entry.name, entry.fname) for entry in manager.ttflist
        if Path(entry.fname).is_file() and not entry.name.startswith(BOXES)
    )  # fmt: skip


@functools.cache
def _letters(file: str) -> frozenset[str]:
    from matplotlib import font_manager

    try:
        return frozenset(map(chr, font_manager.get_font(file).get_charmap()))
    except RuntimeError:  # bitmap fonts have no outlines to draw
        return frozenset()
