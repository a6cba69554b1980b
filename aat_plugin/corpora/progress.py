"""A bar for long work, with lines (or what it is) a second, on a terminal alone."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

EVERY = 100


class Progress:
    """Counts lines; use as a context manager, once for each stage.

    Args:
        title: what is going on.
        total: lines in all, where that is known.
        done: lines that an earlier call has done.
        unit: what is counted, where it is not lines.
    """

    def __init__(self, title: str, total: int | None = None, done: int = 0, unit: str = "lines") -> None:
        self._count = self._shown = 0
        self._started = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            words = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
            columns = *words, TextColumn(f"{{task.fields[rate]}} {unit}/s"), TimeRemainingColumn()
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(title, total=total, completed=done, rate="…")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, lines: int = 1) -> None:
        """So many lines more."""
        self._count += lines
        if self._bar is not None and self._count - self._shown >= EVERY:
            rate = f"{self._count / max(time.monotonic() - self._started, 1e-3):,.0f}"
            self._bar.update(self._task, advance=self._count - self._shown, rate=rate)
            self._shown = self._count
