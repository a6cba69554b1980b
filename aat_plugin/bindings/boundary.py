"""Where a user's mistake leaves the plugin: one line and a non-zero exit under a command, an exception for Python.

fairseq and Hydra print a traceback for every `Exception`, and fairseq's trainer even writes a checkpoint first.
`SystemExit` with a text passes through both, is printed as one line on standard error and exits with 1.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from aat_plugin.errors import AatError

P = ParamSpec("P")
R = TypeVar("R")


def running_as_command() -> bool:
    """Whether this process is one of fairseq's commands, however it was started."""
    program = Path(sys.argv[0])
    if program.name.startswith("fairseq-") or program.parent.name == "fairseq_cli":
        return True
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.startswith("fairseq_cli")


def user_facing(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function`'s user mistakes end a command with one line; Python callers get the exception itself.

    Raises:
        SystemExit: with the mistake's text, under a command of fairseq.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except AatError as mistake:
            if running_as_command():
                raise SystemExit(f"aat_plugin: {mistake}") from None
            raise

    return wrapper
