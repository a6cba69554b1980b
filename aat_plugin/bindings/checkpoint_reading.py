"""Reading one checkpoint file: safely, completely, or with one line that says what is wrong with it.

Read `checkpoint_safety` for what is refused and `checkpoint` for where fairseq comes to read files here.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

from aat_plugin.bindings.checkpoint_safety import check_config
from aat_plugin.errors import CheckpointError, UnsafeCheckpointError

State = dict[str, Any]

OTHER_FILE = "use another checkpoint of its folder, or copy the file again"
DAMAGED = "is damaged"
ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = b"\x80"
# How torch's safe loading names what it refuses, behind its banner of advice.
REFUSED = re.compile(
    r"GLOBAL (?P<name>\S+) (?:was not|whose module)|unrecognized function (?P<function>.+)"
    r"|but got (?P<class><class .+>)"
)


def read_checkpoint(path: str, *, map_only: bool = False, verify: bool = False) -> State:
    """A fairseq checkpoint with its tensors on the CPU; nothing stored in it can run code.

    Args:
        path: a local file.
        map_only: leave the tensors in the file until they are used, to look at the rest in a moment.
        verify: compare the file's checksums too (about a second per gigabyte); torch.load alone misses a flipped bit.

    Raises:
        CheckpointError: the file is missing, unreadable, truncated, damaged or no checkpoint of fairseq.
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
    if verify and zipfile.is_zipfile(path):
        _verify(path)
    _check_shape(path, state)
    for section in ("cfg", "args"):
        check_config(state.get(section), path)
    return state


def count_parameters(path: Path) -> int:
    """The learned numbers of a checkpoint, tied ones once; fairseq's markers of versions are none.

    Raises:
        CheckpointError: as `read_checkpoint`.
    """
    weights = read_checkpoint(str(path), map_only=zipfile.is_zipfile(path))["model"]
    marks = ("version", "_float_tensor")
    learned = [one for name, one in weights.items() if name.rpartition(".")[2] not in marks]
    return sum({one.data_ptr(): one.numel() for one in learned}.values())


def _verify(path: str) -> None:
    """Raise CheckpointError where a checksum does not fit, or the archive's own records contradict one another."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged records can raise anything: wrong names, methods, lengths
        raise CheckpointError(f"{path} {DAMAGED}: its records of what it holds do not fit; {OTHER_FILE}") from error
    if damaged is not None:
        raise CheckpointError(f"{path} {DAMAGED}: the checksum of its part {damaged} does not fit; {OTHER_FILE}")


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
    if isinstance(error, PermissionError | IsADirectoryError):
        return CheckpointError(f"cannot read checkpoint {path}: {error.strerror}; check the path and its rights")
    if isinstance(error, pickle.UnpicklingError):
        refused = REFUSED.search(str(error))
        if refused is not None:
            return _unsafe(path, f"loading it would call {next(filter(None, refused.groups()))}")
        if "Unsupported operand" in str(error) and _is_pickled(path):
            return _unsafe(path, "it is pickled with instructions that torch's safe loading does not have")
    return CheckpointError(f"{path} {_defect(path)}; {OTHER_FILE}")


def _unsafe(path: str, reason: str) -> UnsafeCheckpointError:
    return UnsafeCheckpointError(
        f"{path} was refused and nothing of it was run: {reason}; get the checkpoint from a source that you trust"
    )


def _is_pickled(path: str) -> bool:
    """Whether the file is a whole archive of torch, or opens like a pickle."""
    with open(path, "rb") as file:
        start = file.read(4)
    return start.startswith(PICKLE_MAGIC) or (start == ZIP_MAGIC and _defect(path) == DAMAGED)


def _defect(path: str) -> str:
    """What kind of wrong file this is, from its first bytes and its directory of contents."""
    with open(path, "rb") as file:
        start = file.read(4)
    if not start:
        return "is empty (a write that was cut off)"
    if start.startswith(PICKLE_MAGIC):
        return "is a pickle that is damaged, or no checkpoint of torch"
    if start != ZIP_MAGIC:
        return "is no checkpoint (neither torch's zip format nor its older pickles)"
    if not zipfile.is_zipfile(path):
        return "is truncated: its end is missing (a write or a copy that was cut off)"
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return DAMAGED
    if "constants.pkl" in parts:
        return "is a TorchScript archive, not a training checkpoint"
    return DAMAGED if "data.pkl" in parts else "is a zip archive, but no checkpoint"


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
