"""Work on a long file in several processes, in order, in bounded memory. Read `streams` for its use on files."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain, islice
from multiprocessing import connection, get_context, parent_process
from types import TracebackType
from typing import Self, TypeVar

from aat_plugin.errors import DataError

CHUNK = 2000
"""Lines a chunk, where lines are sent."""
AHEAD = 3
"""Items in flight for each process."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunked(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


class Workers:
    """Processes for one run of a command; a context manager.

    They are started when there is work for more than one, and stay until the end: a small corpus is done sooner in
    this process than another one starts.

    Args:
        count: processes; 1 works in this one.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def in_order(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`work` of each item, in the items' order; at most a few items are in memory.

        Args:
            work: other processes must be able to find it: a module's function, or a module's frozen dataclass.
            items: what can be sent.

        Raises:
            DataError: a process was killed, as the system does where memory runs out.
        """
        source = iter(items)
        start = list(islice(source, 2))
        if self.count <= 1 or len(start) < 2:
            yield from map(work, chain(start, source))
            return
        try:
            yield from self._ahead(work, chain(start, source))
        except BrokenProcessPool:
            raise DataError(
                "a worker process was killed, perhaps for memory; give fewer --workers and run it again to go on"
            ) from None

    def _ahead(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        if self._pool is None:
            # Not forked: a fork would take along the caller's threads' locks, torch's among them.
            self._pool = ProcessPoolExecutor(self.count, get_context("spawn"), _set_up)
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(work, item))
                if len(waiting) >= self.count * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _set_up() -> None:
    """Leave Ctrl-C to the main process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent cannot tell its processes to end; without this they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        with suppress(OSError):
            connection.wait([parent.sentinel])
        os._exit(1)
