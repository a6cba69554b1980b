"""The tree of this plugin's exceptions: every mistake a user can make is one of these, and its text is one clear line.

    AatError
    ├── ConfigError                an option has a value that cannot work
    │   ├── UnknownOptionError     an option that nothing reads (named, with the nearest known one)
    │   └── UnsupportedOptionError an option that fairseq has and this plugin refuses, by name
    ├── DataError                  a file that is missing, mismatched, badly encoded …
    └── CheckpointError            a checkpoint that is missing, truncated or of another architecture
        └── UnsafeCheckpointError  a checkpoint that would run code; nothing of it was run

The text names the file or option, the line where there is one, and the way out. `bindings.boundary` turns these into
one line on standard error and a non-zero exit when they reach a command; Python callers catch them as they are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AatError(Exception):
    """Base of all mistakes that are the user's to mend; `str(error)` is one line."""


class ConfigError(AatError):
    """An option has a value that cannot work."""


class UnknownOptionError(ConfigError):
    """An option that nothing would read: refused instead of ignored."""


class UnsupportedOptionError(ConfigError):
    """An option of fairseq that this plugin does not support: refused by name instead of ignored."""


class DataError(AatError):
    """A data file that is missing, mismatched, empty or badly encoded."""


class CheckpointError(AatError):
    """A checkpoint that is missing, truncated or of another architecture."""


class UnsafeCheckpointError(CheckpointError):
    """A checkpoint that holds something which would run code if it were loaded or built."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'dropout'?`, or the empty text where nothing is near.

    Args:
        name: what the user typed.
        known: the names that exist.
    """
    matches = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ""


def choose(option: str, value: str, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`.

    Raises:
        ConfigError: names the option, the value and what is allowed.
    """
    choices = list(allowed)
    if value in choices:
        return value
    hint = nearest(value, choices)
    raise ConfigError(f"{option}={value!r} is not one of {' | '.join(choices)}{hint}")
