"""A checkpoint of stock fairseq's `transformer` as data, with every option that its run left to a default filled in.

`import_fairseq` starts from it. Nothing stored can run code (`checkpoint_reading`); no model is built.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from fairseq.models import ARCH_CONFIG_REGISTRY, ARCH_MODEL_REGISTRY
from fairseq.models.transformer import TransformerModel
from fairseq.models.transformer.transformer_config import TransformerConfig as StockConfig
from omegaconf import OmegaConf

from aat_plugin import bindings
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.bindings.stock_sections import plain
from aat_plugin.errors import CheckpointError


@dataclass(frozen=True)
class StockCheckpoint:
    """What a stock checkpoint holds.

    Attributes:
        path: the file.
        arch: the architecture's name, such as transformer_wmt_en_de.
        options: the model's, flat, complete.
        sections: the run's config, plain dicts by section.
        state: the checkpoint as fairseq's own reader brings it up to date, weights and optimizer included.
    """

    path: Path
    arch: str
    options: dict[str, Any]
    sections: dict[str, Any]
    state: dict[str, Any]


def read_stock(path: Path) -> StockCheckpoint:
    """Read a stock checkpoint of any age.

    Raises:
        CheckpointError: the file is missing, damaged, or of another model than `transformer`.
        UnsafeCheckpointError: reading it would run code.
    """
    bindings.register()
    state = _brought_up_to_date(path, read_checkpoint(str(path)))
    sections = {name: plain(value) for name, value in state["cfg"].items()}
    model = sections.get("model")
    if not isinstance(model, dict):
        raise CheckpointError(f"{path} does not say of which architecture it is; use the file that fairseq-train wrote")
    arch = str(model.get("_name") or model.get("arch"))
    if ARCH_MODEL_REGISTRY.get(arch) is not TransformerModel:
        hint = "it is the plugin's already" if arch.startswith("aat_") else "only those of `transformer` are"
        raise CheckpointError(f"{path} is of architecture {arch!r}, which cannot be taken in: {hint}")
    return StockCheckpoint(path, arch, _filled(path, arch, model), sections, state)


def _brought_up_to_date(path: Path, state: dict[str, Any]) -> dict[str, Any]:
    """What fairseq does with older checkpoints: args become a cfg, histories are moved."""
    try:
        if state.get("cfg") is not None:
            state["cfg"] = OmegaConf.create(state["cfg"], flags={"allow_objects": True})
        state.setdefault("extra_state", {})
        state = checkpoint_utils._upgrade_state_dict(state)
        state["cfg"] = OmegaConf.to_container(state["cfg"], resolve=True, enum_to_str=True)
    except Exception as error:  # whatever is stored, the file is at fault
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise CheckpointError(f"{path}: fairseq cannot read its configuration ({reason})") from error
    return state


def _filled(path: Path, arch: str, model: dict[str, Any]) -> dict[str, Any]:
    """The model's options with the architecture's defaults, as fairseq's own builder fills them."""
    defaults = {field.name: field.default for field in dataclasses.fields(StockConfig)}
    filled = Namespace(**model)
    try:
        ARCH_CONFIG_REGISTRY[arch](filled)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path}: its options cannot be read ({error})") from error
    scalars = {name: value for name, value in defaults.items() if isinstance(value, bool | int | float | str)}
    options = {**scalars, **vars(filled)}
    if options.get("relu_dropout") and not options.get("activation_dropout"):
        options["activation_dropout"] = options["relu_dropout"]  # its name before 2019
    for side in ("source", "target"):
        options[f"max_{side}_positions"] = options.get(f"max_{side}_positions") or 1024
    return options
