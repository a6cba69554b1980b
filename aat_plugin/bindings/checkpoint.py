"""Puts atomic writing and safe reading in the place of fairseq's own, at run time and for this process alone.

What stock fairseq 0.12.3 does, and why each is replaced:

- `checkpoint_utils.torch_persistent_save` retries into the same half-written file and never flushes it to the disk.
- `PathManager.copy` copies in place: a kill truncates `checkpoint_last.pt`.
- `checkpoint_utils.load_checkpoint_to_cpu` builds whatever a file says; here the file is checked first.
- `checkpoint_utils.load_checkpoint` stops at a truncated `checkpoint_last.pt`; here the newest complete file is taken.
- `Trainer.load_checkpoint` answers a checkpoint of another architecture with a traceback.

Read `checkpoint_files` for writing, `checkpoint_reading` and `checkpoint_safety` for reading.
"""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Callable
from typing import Any

import torch
from fairseq import checkpoint_utils, trainer
from fairseq.file_io import PathManager

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.checkpoint_files import copy_atomically, save_atomically
from aat_plugin.bindings.checkpoint_reading import missing, read_checkpoint
from aat_plugin.bindings.checkpoint_safety import BROADCAST_CLASSES, allow_file_classes
from aat_plugin.errors import CheckpointError, UnsafeCheckpointError

logger = logging.getLogger(__name__)

LAST = "checkpoint_last.pt"
MISMATCH = "Cannot load model parameters from checkpoint"

_instead_of: dict[str, str] = {}
"""A damaged checkpoint_last.pt → the file that a resumed training reads in its place."""

_stock: dict[str, Callable[..., Any]] = {}
"""fairseq's own functions, kept when they are replaced."""


def install() -> None:
    """Replace fairseq's functions; a second call does nothing."""
    if _stock:
        return
    allow_file_classes()
    torch.serialization.add_safe_globals([allowed for allowed, _ in BROADCAST_CLASSES])
    _stock["save"] = checkpoint_utils.torch_persistent_save
    _stock["copy"] = PathManager.copy
    _stock["read"] = checkpoint_utils.load_checkpoint_to_cpu
    _stock["resume"] = checkpoint_utils.load_checkpoint
    _stock["restore"] = trainer.Trainer.load_checkpoint
    checkpoint_utils.torch_persistent_save = save
    PathManager.copy = staticmethod(copy)
    checkpoint_utils.load_checkpoint_to_cpu = read
    checkpoint_utils.load_checkpoint = resume
    trainer.Trainer.load_checkpoint = restore


@user_facing
def save(obj: object, filename: str, async_write: bool = False) -> None:
    """Stand for `torch_persistent_save`: `filename` is either what it was or complete.

    Raises:
        CheckpointError: the disk is full, the folder cannot be written …
    """
    if async_write or PathManager.path_requires_pathmanager(filename):
        _stock["save"](obj, filename, async_write=async_write)
    else:
        save_atomically(obj, filename)


@user_facing
def copy(src_path: str, dst_path: str, overwrite: bool = False) -> Any:
    """Stand for `PathManager.copy`: `dst_path` is either what it was or complete.

    Raises:
        CheckpointError: the disk is full, the folder cannot be written …
    """
    if PathManager.path_requires_pathmanager(src_path) or PathManager.path_requires_pathmanager(dst_path):
        return _stock["copy"](src_path, dst_path, overwrite=overwrite)
    return copy_atomically(src_path, dst_path)


@user_facing
def read(path: str, arg_overrides: Any = None, load_on_all_ranks: bool = False) -> Any:
    """Stand for `load_checkpoint_to_cpu`: check the file, then let fairseq read it.

    Raises:
        CheckpointError: the file is missing, truncated or no checkpoint.
        UnsafeCheckpointError: it would run code.
    """
    local = _instead_of.get(os.path.abspath(path), path)
    if not PathManager.path_requires_pathmanager(local):
        # The tensors stay in the file, so that looking at the rest first costs a moment and no memory.
        read_checkpoint(local, map_only=zipfile.is_zipfile(local))
    return _stock["read"](local, arg_overrides, load_on_all_ranks)


@user_facing
def resume(cfg: Any, trainer: Any, **passthrough_args: Any) -> Any:
    """Stand for `load_checkpoint`, by which training starts: a damaged last checkpoint gives way to a complete one.

    Raises:
        CheckpointError: a damaged last checkpoint and no complete one; a named file that is not there.
    """
    if cfg.restore_file != LAST and not os.path.isfile(cfg.restore_file) and not trainer.checkpoint_suffix:
        raise missing(cfg.restore_file)
    last = os.path.join(cfg.save_dir, LAST.replace(".pt", f"{trainer.checkpoint_suffix}.pt"))
    if cfg.restore_file == LAST and os.path.isfile(last):
        _choose_complete(last)
    elif cfg.restore_file == LAST and cfg.finetune_from_model is None and os.path.isdir(cfg.save_dir):
        _name_what_is_passed_over(last)
    return _stock["resume"](cfg, trainer, **passthrough_args)


def restore(self: Any, filename: str, *args: Any, **kwargs: Any) -> Any:
    """Stand for `Trainer.load_checkpoint`: another architecture is one line that names what differs."""
    return user_facing(_restore)(self, filename, *args, **kwargs)


def _restore(self: Any, filename: str, *args: Any, **kwargs: Any) -> Any:
    try:
        return _stock["restore"](self, filename, *args, **kwargs)
    except Exception as error:
        if MISMATCH not in str(error):
            raise
        details = " ".join(str(error.__context__).split())[:300]
        raise CheckpointError(
            f"{filename} is of another architecture than this run's ({details}); "
            "give the architecture that it was trained with, or another --save-dir"
        ) from error


def _choose_complete(last: str) -> None:
    """Note in `_instead_of` which file to read for a damaged `last`."""
    try:
        read_checkpoint(last, map_only=True)
    except UnsafeCheckpointError:
        raise
    except CheckpointError as damage:
        complete = newest_complete(os.path.dirname(last), besides=last)
        if complete is None:
            raise CheckpointError(f"{damage}; no complete one is beside it: delete it to start anew") from None
        logger.warning(f"{damage}; going on from {complete}, the newest complete one")
        _instead_of[os.path.abspath(last)] = complete


def _name_what_is_passed_over(last: str) -> None:
    """Warn where a run starts anew beside checkpoints: it was stopped between its first file and `last`, say."""
    complete = newest_complete(os.path.dirname(last), besides=last)
    if complete is not None:
        logger.warning(f"{last} is not there: starting anew; to go on instead, give --restore-file {complete}")


def newest_complete(folder: str, besides: str) -> str | None:
    """The complete checkpoint in `folder` with the most updates, but `besides`; None where there is none."""
    found: list[tuple[int, str]] = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not name.startswith("checkpoint") or not name.endswith(".pt") or path == besides:
            continue
        try:
            state = read_checkpoint(path, map_only=True)
        except CheckpointError as damage:
            logger.warning(f"passing over {damage}")
            continue
        found.append((int(state["optimizer_history"][-1].get("num_updates", 0)), path))
    return max(found)[1] if found else None
