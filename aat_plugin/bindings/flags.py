"""Fields of our dataclasses whose default is "not given", and how fairseq makes them flags.

fairseq turns a boolean whose default is true into a flag that switches it off, and one whose default is None into a
flag that can only switch it on. So a switch is text here: `--normalize-before`, `--normalize-before true` and
`--normalize-before false` all work, and Hydra's `model.normalize_before=false` too.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from aat_plugin.errors import ConfigError


def governed_flag(meaning: str) -> Any:
    """A dataclass field that a convention governs: None unless given."""
    return field(default=None, metadata={"help": meaning})


def switch(meaning: str) -> Any:
    """A dataclass field for true or false: None unless given; the bare flag means true."""
    return field(default=None, metadata={"help": f"{meaning}: true | false", "argparse_const": "true"})


def stock_switch(meaning: str, default: str = "True") -> Any:
    """One of fairseq's booleans as a switch, so that older recipes' `--left-pad-source False` is read.

    The bare flag keeps its meaning in fairseq, the opposite of the default. The words are Python's: fairseq's
    multilingual tasks evaluate an option of this name, and a checkpoint may hold plain literals only.
    """
    opposite = {"True": "False", "False": "True"}[default]
    return field(default=default, metadata={"help": f"{meaning}: True | False", "argparse_const": opposite})


def truth(name: str, given: object, default: bool) -> bool:
    """The value of a `switch`.

    Raises:
        ConfigError: neither true nor false.
    """
    if given is None:
        return default
    text = str(given).lower()
    if text not in ("true", "false"):
        raise ConfigError(f"{name}={given!r} is neither true nor false")
    return text == "true"
