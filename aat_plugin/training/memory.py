"""Keep freed memory in the process while it trains, where the C library is glibc. Section 5 at any size.

An update asks for the same large pieces again and again. glibc gives pieces of megabytes back to the system each time
and gets them anew, cleared page by page, which takes several per cent of an update; the most memory that is held at one
time stays about the same.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""From malloc.h."""


def has_settings() -> bool:
    """Whether the C library is glibc; musl and other systems have no such settings."""
    return sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


def keep_freed() -> bool:
    """Neither map large pieces apart nor give back what is free at the end; whether it could be asked for."""
    if not has_settings():
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(M_MMAP_MAX, 0)) and bool(library.mallopt(M_TRIM_THRESHOLD, -1))
