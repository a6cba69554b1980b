"""Reading one checkpoint file: safely, completely, or with one line that says what is wrong with it.

Read `checkpoint_safety` for what is refused and `checkpoint` for where fairseq comes to read files here.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from argparse import Namespace
from typing import Any

import torch

from aat_plugin.bindings.checkpoint_safety import check_config
from aat_plugin.errors import CheckpointError, UnsafeCheckpointError

State = dict[str, Any]

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_PROTOCOL = b"\x80"
REFUSED_GLOBAL = re.compile(r"(?:GLOBAL|function|but got) (\S.*?)(?: was not an allowed| whose module|\. |$)")


def read_checkpoint(path: str, *, map_only: bool = False) -> State:
    """A fairseq checkpoint with its tensors on the CPU; nothing stored in it can run code.

    Args:
        path: a local file.
        map_only: leave the tensors in the file until they are used, to look at the rest in a moment.

    Raises:
        CheckpointError: the file is missing, unreadable, truncated or no checkpoint of fairseq.
        UnsafeCheckpointError: reading it, or building a model from it, would run code.
    """
    try:
        # weights_only is given: torch's default may be switched off by an environment variable.
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=map_only or None)
    except FileNotFoundError:
        raise missing(path) from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise _unreadable(path, error) from error
    _check_shape(path, state)
    for section in ("cfg", "args"):
        check_config(state.get(section), path)
    return state


def missing(path: str) -> CheckpointError:
    """The mistake of naming a file that is not there; lists what is."""
    folder, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(folder):
        return CheckpointError(f"checkpoint {path} does not exist, nor does its folder; check the path")
    others = sorted(other for other in os.listdir(folder) if other.endswith(".pt"))
    there = f"its folder holds {', '.join(others[:6])}{' …' if len(others) > 6 else ''}" if others else "check the path"
    return CheckpointError(f"checkpoint {path} does not exist; {there}" if name else f"checkpoint {path} is a folder")


def _unreadable(path: str, error: Exception) -> CheckpointError:
    """Say what is wrong with a file that torch.load gave up on."""
    if isinstance(error, OSError) and not isinstance(error, EOFError):
        return CheckpointError(f"cannot read checkpoint {path}: {error.strerror or error}")
    if isinstance(error, pickle.UnpicklingError):
        refused = REFUSED_GLOBAL.search(_first_line_after_banner(str(error)))
        if refused is not None:
            return UnsafeCheckpointError(
                f"{path} was refused and nothing of it was run: loading it would call {refused.group(1)}, which is no "
                "part of a checkpoint; get it from a source that you trust"
            )
    return CheckpointError(f"{path} {_defect(path)}; use another checkpoint of its folder, or copy the file again")


def _first_line_after_banner(text: str) -> str:
    """The line of torch's message that names what it met; a banner of advice stands before it."""
    for line in text.splitlines():
        if "WeightsUnpickler error: " in line or line.startswith("Trying to load unsupported GLOBAL"):
            return line.rpartition("WeightsUnpickler error: ")[2].strip()
    return text


def _defect(path: str) -> str:
    """What kind of wrong file this is, from its first bytes and its directory of contents."""
    with open(path, "rb") as file:
        start = file.read(4)
    if not start:
        return "is empty (a write that was cut off)"
    if start == ZIP_MAGIC:
        if not zipfile.is_zipfile(path):
            return "is truncated: its end is missing (a write or a copy that was cut off)"
        with zipfile.ZipFile(path) as archive:
            stored = {name.rpartition("/")[2] for name in archive.namelist()}
        return "is damaged" if "data.pkl" in stored else "is a zip archive, but no checkpoint"
    if start.startswith(PICKLE_PROTOCOL):
        return "is a pickle that is damaged, or no checkpoint of torch"
    return "is no checkpoint (neither torch's zip format nor its older pickles)"


def _check_shape(path: str, state: object) -> None:
    """Raise CheckpointError if a file that torch can read is not what fairseq's trainer writes."""
    holds = f"keys {', '.join(map(str, list(state)[:5]))}" if isinstance(state, dict) else f"a {type(state).__name__}"
    if not isinstance(state, dict) or not isinstance(state.get("model"), dict):
        raise CheckpointError(f"{path} is no checkpoint of fairseq: it holds {holds}, and no model; check the path")
    if not isinstance(state.get("args"), Namespace) and not isinstance(state.get("cfg"), dict):
        raise CheckpointError(
            f"{path} is no checkpoint of fairseq: it holds weights without the configuration (cfg or args) that "
            "builds their model; use the file that fairseq-train wrote"
        )
    if "optimizer_history" not in state and "best_loss" not in state:
        raise CheckpointError(f"{path} is no checkpoint of fairseq: its optimizer_history is missing; check the path")
