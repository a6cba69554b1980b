"""What a checkpoint says of the training that it comes from: updates, tokens, time, devices. Table 2's costs need it.

fairseq keeps its meters and its clock in every checkpoint and goes on with them after a stop, so no log is needed.
Read `saved_model` for the model's config, `results.training_cost` for what is made of this.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from aat_plugin import bindings
from aat_plugin.architecture import TransformerConfig
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.bindings.plan_request import Prepared, Setup, prepared
from aat_plugin.bindings.saved_model import stored_config
from aat_plugin.errors import CheckpointError

NO_DATA = "as many source as target tokens, sentences of 30 tokens: assumed, as the data is not there"


@dataclass(frozen=True)
class Trained:
    """What was trained, and how long.

    Attributes:
        config: the model; None where it is not the plugin's whole Transformer.
        updates: done.
        target_tokens: seen in all of them, end symbols included, padding not.
        source_tokens: the same of the source: in proportion, as in the prepared data.
        mean_length: tokens of a sentence, averaged over tokens of both sides.
        known_by: where the last two come from.
        seconds: between start and checkpoint, of all starts together; validation and saving are in it.
        devices: processes, each on a device of its own.
        on_cpu: whether a device is a processor.
        precision: as `precision=` names it.
    """

    config: TransformerConfig | None
    updates: int
    target_tokens: float
    source_tokens: float
    mean_length: float
    known_by: str
    seconds: float
    devices: int
    on_cpu: bool
    precision: str


def read_trained(path: Path) -> Trained:
    """Read it from a checkpoint that training wrote.

    Raises:
        CheckpointError: the file is missing, damaged, or lacks what fairseq writes while it trains.
        UnsafeCheckpointError: reading it would run code.
    """
    bindings.register()
    state = read_checkpoint(str(path), map_only=zipfile.is_zipfile(path))
    sections = state.get("cfg")
    try:
        extra: dict[str, Any] = state["extra_state"]
        meters = {key: meter for _, key, _, meter in extra["metrics"]["default"]}
        target, counted = float(meters["wpb"]["sum"]), int(meters["wpb"]["count"])
        seconds, updates = float(extra["previous_training_time"]), int(state["optimizer_history"][-1]["num_updates"])
        if not isinstance(sections, dict):
            raise TypeError
    except (KeyError, IndexError, TypeError, ValueError):
        raise CheckpointError(f"{path} does not say how long it was trained on how much; give what fairseq wrote while "
                              "it trained, such as checkpoint_last.pt") from None  # fmt: skip
    if counted:
        target *= updates / counted  # its meters may have been reset on the way
    cfg = OmegaConf.create(sections)
    assert isinstance(cfg, DictConfig)
    devices = max(1, int(cfg.distributed_training.distributed_world_size))
    ratio, mean_length, known_by = _sides(prepared(cfg))
    return Trained(
        _config(path, sections, state["model"]), updates, target, target * ratio, mean_length, known_by, seconds,
        devices, bool(cfg.common.cpu), Setup("", [], cfg, devices).precision,
    )  # fmt: skip


def _sides(found: Prepared | None) -> tuple[float, float, str]:
    """Source tokens for each target one, the mean length over all tokens, and where both are from."""
    if found is None:
        return 1.0, 30.0, NO_DATA
    sides = [side.astype(float) for side in (found.source, found.target)]
    tokens = [float(side.sum()) for side in sides]
    squares = sum(float((side**2).sum()) for side in sides)
    return tokens[0] / tokens[1], squares / sum(tokens), "lengths of both sides: the prepared data's"


def _config(path: Path, sections: dict[str, Any], weights: dict[str, Any]) -> TransformerConfig | None:
    try:
        return stored_config(path, sections["model"], weights)
    except CheckpointError:  # another model: what it computes is not known here
        return None
