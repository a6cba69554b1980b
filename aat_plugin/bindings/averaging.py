"""`aat average`: choose checkpoint files as fairseq names them, read them one at a time, write their mean.

The mean itself is `translation.averaging`. The result is the last checkpoint with other weights and without the
optimizer's state, so every command that loads the one loads the other.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.bindings.checkpoint_files import save_atomically
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.bindings.checkpoint_safety import allow_file_classes
from aat_plugin.errors import CheckpointError, ConfigError, choose
from aat_plugin.translation.averaging import RunningMean

KINDS = {
    "update": re.compile(r"checkpoint_(?P<epoch>\d+)_(?P<update>\d+)\.pt"),
    "epoch": re.compile(r"checkpoint(?P<epoch>\d+)\.pt"),
}
KEEP = {
    "update": "--save-interval-updates writes them and --keep-interval-updates says how many stay",
    "epoch": "--no-epoch-checkpoints must not be given, and --keep-last-epochs says how many stay",
}
PROVENANCE = "aat_averaged"
"""The key of the result that lists what was averaged; fairseq leaves keys that it does not know alone."""

Report = Callable[[int, int, Path], None]


@dataclass(frozen=True)
class Averaged:
    """What was done.

    Attributes:
        output: the file that was written.
        inputs: the files that were averaged, the last last.
        updates: the update that each was written after; None where a file does not say.
        weights: how many numbers the result holds, tied ones counted once.
    """

    output: Path
    inputs: tuple[Path, ...]
    updates: tuple[int | None, ...]
    weights: int


def choose_files(folder: Path, last: int, by: str = "auto", upto: int | None = None) -> list[Path]:
    """The last checkpoints of a folder, oldest first.

    Args:
        folder: what fairseq calls --save-dir.
        last: how many.
        by: `update` takes checkpoint_EPOCH_UPDATE.pt, `epoch` takes checkpointEPOCH.pt; `auto` takes files by update
            where there are any.
        upto: ignore files after this update (or epoch).

    Raises:
        CheckpointError: there are too few, or no such folder.
        ConfigError: `last` is below 1, or `by` is unknown.
    """
    if last < 1:
        raise ConfigError(f"--last {last}: average at least one checkpoint")
    choose("--by", by, ("auto", *KINDS))
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(f"{folder}: {error.strerror}; give the folder that --save-dir named") from None
    found = {kind: _numbered(names, kind, upto) for kind in KINDS}
    kind = by if by != "auto" else "update" if found["update"] else "epoch"
    if len(found[kind]) < last:
        raise CheckpointError(_too_few(folder, last, kind, {one: len(files) for one, files in found.items()}, upto))
    return [folder / name for name in found[kind][-last:]]


def _numbered(names: Sequence[str], kind: str, upto: int | None) -> list[str]:
    """The names of one kind, by their numbers."""
    matches = [match for name in names if (match := KINDS[kind].fullmatch(name))]
    kept = [match for match in matches if upto is None or int(match[kind]) <= upto]
    return [match[0] for match in sorted(kept, key=lambda match: (int(match[kind]), int(match["epoch"])))]


def _too_few(folder: Path, last: int, kind: str, counts: dict[str, int], upto: int | None) -> str:
    other = next(one for one in KINDS if one != kind)
    bound = "" if upto is None else f" up to {kind} {upto}"
    there = f"{folder} holds {counts[kind]} checkpoints by {kind}{bound}, and --last asks for {last}"
    instead = f"--by {other} has {counts[other]}" if counts[other] else f"average fewer, or keep more ({KEEP[kind]})"
    return f"{there}; {instead}"


def average(files: Sequence[Path], output: Path, report: Report | None = None) -> Averaged:
    """Write the mean of the checkpoints' weights, with everything else of the last but its optimizer's state.

    One checkpoint is open at a time, mapped from its file: memory holds the float64 sums and the tensor at work.

    Args:
        files: at least one, the last one's configuration is kept.
        output: replaced as a whole or not at all.
        report: called before each file with how many are done, how many there are and the file.

    Raises:
        CheckpointError: a file is missing, damaged, foreign or of another model; the disk is full …
        UnsafeCheckpointError: reading a file would run code.
    """
    _check_paths(files, output)
    allow_file_classes()
    mean = RunningMean()
    updates = []
    state: dict[str, Any] = {}
    for done, file in enumerate(files):
        if report is not None:
            report(done, len(files), file)
        state.clear()  # before the next one is read: never two at a time
        state = read_checkpoint(str(file), map_only=zipfile.is_zipfile(file), verify=True)
        mean.add(str(file), state["model"])
        updates.append(_update(state))
    state["model"] = {}  # the last file's weights are mapped; let them go before the new ones are made
    state.pop("last_optimizer_state", None)
    state["model"] = mean.mean()
    state[PROVENANCE] = {"checkpoints": [file.name for file in files], "updates": updates}
    save_atomically(state, str(output))
    weights = {tensor.data_ptr(): tensor.numel() for tensor in state["model"].values() if hasattr(tensor, "numel")}
    return Averaged(output, tuple(files), tuple(updates), sum(weights.values()))


def _check_paths(files: Sequence[Path], output: Path) -> None:
    """Raise CheckpointError before a long read for what would fail or lose something after it."""
    if not files:
        raise CheckpointError("there is nothing to average; name checkpoints, or their folder with --last")
    named: set[Path] = set()
    for file in files:
        place = file.resolve()
        if place in named:
            raise CheckpointError(f"{file} is named twice; name each checkpoint once")
        named.add(place)
    if output.resolve() in named:
        raise CheckpointError(f"-o {output} is one of the checkpoints to average; give the result another name")
    if output.is_dir():
        raise CheckpointError(f"-o {output} is a folder; name a file, such as {output / 'averaged.pt'}")
    if not output.absolute().parent.is_dir():
        raise CheckpointError(f"-o {output}: its folder does not exist; make it first")


def _update(state: dict[str, Any]) -> int | None:
    """The update that a checkpoint was written after."""
    history = state.get("optimizer_history") or [{}]
    number = history[-1].get("num_updates")
    return int(number) if number is not None else None
