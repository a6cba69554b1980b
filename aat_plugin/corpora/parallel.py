"""Work on a long file in chunks, in several processes, in order, in bounded memory. Read `tokenise` for a use of it."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

CHUNK = 2000
"""Lines a chunk: a fraction of a second of work, so that processes neither starve nor hoard."""
AHEAD = 3
"""Chunks in flight for each process."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunked(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    set_up: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """`work` of each item, in the items' order; at most a few items are in memory.

    Args:
        work: a module's function, which other processes can find.
        items: small enough to be sent.
        workers: processes; 1 works in this one.
        set_up: called once in each process with `arguments`.
        arguments: for `set_up`.
    """
    if workers <= 1:
        if set_up is not None:
            set_up(*arguments)
        yield from map(work, items)
        return
    # Not forked: a fork would take along torch's threads where the caller has them.
    with ProcessPoolExecutor(workers, get_context("spawn"), _quietly, (set_up, arguments)) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _quietly(set_up: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Leave Ctrl-C to the main process, which then stops the others without a traceback from each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if set_up is not None:
        set_up(*arguments)
