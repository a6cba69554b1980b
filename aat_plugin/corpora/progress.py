"""A bar for long work on lines, on a terminal alone."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

EVERY = 1000


class Progress:
    """Counts lines; use as a context manager, once for each stage.

    Args:
        title: what is going on.
        total: lines in all, where that is known.
    """

    def __init__(self, title: str, total: int | None = None) -> None:
        self._count = 0
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self) -> None:
        """One line more."""
        self._count += 1
        if self._bar is not None and self._count % EVERY == 0:
            self._bar.advance(self._task, EVERY)
