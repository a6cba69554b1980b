"""Workarounds for fairseq's and torch's versions: each says which version it is for and when it can go.

Nothing here changes an installed file; each entry acts on the imported modules and can be applied twice. What makes
checkpoints safe is large enough for a module of its own: `checkpoint`.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import threading
import time
import warnings

from fairseq.data.iterators import BackgroundConsumer

from aat_plugin.bindings import alignment

_HARMLESS: tuple[tuple[str, str, str], ...] = (
    # fairseq 0.12.3 composes its own config by Hydra's old interface; each run would open with a page of notices that
    # its user can do nothing about. Until fairseq asks for Hydra 1.1's.
    (r".*hydra\.experimental\.(initialize|compose)\(\) is no longer experimental", "UserWarning", "hydra 1.1 to 1.3"),
    (r"(?s)\s*The version_base parameter is not specified", "UserWarning", "hydra 1.2 to 1.3"),
    (r"(?s).*strict flag in the compose API is deprecated", "UserWarning", "hydra 1.1 to 1.3"),
    (r".*deprecated keyword in package header", "UserWarning", "hydra 1.1 to 1.3"),
    (r"(?s).*is validated against ConfigStore schema with the same name", "UserWarning", "hydra 1.1 to 1.3"),
    # fairseq 0.12.3 enters torch.cuda.amp's old context in each step, on processors too. Until it uses torch.amp.
    (r"`torch\.cuda\.amp\.autocast\(args\.\.\.\)` is deprecated", "FutureWarning", "torch 2.4 on"),
    # fairseq 0.12.3 always asks for pinned memory. Until it asks only where there is an accelerator.
    (r"'pin_memory' argument is set as true but", "UserWarning", "torch 1.x on"),
)
"""Message pattern, category, and the versions that print it."""

LOADER_ENDS = 60.0
"""Seconds that a loader has at exit to end with the batch it is at."""


def install() -> None:
    """Apply every workaround."""
    _silence_what_users_cannot_mend()
    alignment.install()
    atexit.unregister(_end_loaders)
    atexit.register(_end_loaders)


def _silence_what_users_cannot_mend() -> None:
    categories = {"UserWarning": UserWarning, "FutureWarning": FutureWarning}
    for pattern, category, _versions in _HARMLESS:
        warnings.filterwarnings("ignore", message=pattern, category=categories[category])


def _end_loaders() -> None:
    """Let fairseq's loading threads end with the batch that each is at.

    For fairseq 0.12.3 under Python 3.11: a run that stops in mid-epoch leaves one at work, Python ends it inside of
    torch, and a training that is done and saved exits with "terminate called without an active exception" (-6). Until
    fairseq ends its threads.
    """
    latest = time.monotonic() + LOADER_ENDS
    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread._max_len = 0
            while thread.is_alive() and time.monotonic() < latest:
                with contextlib.suppress(queue.Empty):  # it may wait for a place
                    thread._queue.get(timeout=0.05)
