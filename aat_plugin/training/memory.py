"""Keep freed memory in a process that trains or decodes, where the C library is glibc, and say the most it took.

An update, or a step of a search, asks for the same large pieces again and again. glibc gives pieces of megabytes back
to the system each time and gets them anew, cleared page by page, which takes several per cent of an update and a
seventh of a search; the most memory that is held at one time stays about the same.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from pathlib import Path

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


class KeptMemory:
    """Asks for it once, when there is work on a processor.

    Args:
        wanted: whether at all.
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def working(self, on_processor: bool) -> None:
        """Work begins, on a processor or elsewhere."""
        if self._wanted and on_processor:
            keep_freed()
            self._wanted = False


def peak_gigabytes() -> float:
    """The most main memory that this process has held so far, in GiB; a GPU's memory is not in it.

    Linux keeps a figure of the program alone; rusage's also has what the program held that started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
