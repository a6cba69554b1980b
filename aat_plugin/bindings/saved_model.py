"""A checkpoint of the plugin as data: the model's config, its weights, and what fairseq stored beside them.

What `export` starts from. No model is built, and nothing stored can run code (`checkpoint_reading`). Read
`dictionaries` next for the symbols, which a checkpoint does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from aat_plugin import bindings
from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.errors import CheckpointError

LAYER = re.compile(r"(encoder|decoder)\.layers\.(\d+)\.")
SHOWN = 3  # names in a message

TIES = (
    ("share_all_embeddings", "decoder.embed_tokens.weight", "encoder.embed_tokens.weight"),
    ("share_decoder_input_output_embed", "decoder.output_projection.weight", "decoder.embed_tokens.weight"),
)
"""Option → a name, and the name that it shares its memory with (Section 3.4)."""


@dataclass(frozen=True)
class SavedModel:
    """What a checkpoint holds.

    Attributes:
        path: the file.
        config: sizes and choices, as they were trained.
        weights: name → tensor on the CPU; tied names are one tensor.
        sections: the checkpoint's `cfg`: fairseq's config, plain dicts by section.
        rest: everything else but the weights and the optimizer's state.
    """

    path: Path
    config: TransformerConfig
    weights: dict[str, Tensor]
    sections: dict[str, Any]
    rest: dict[str, Any]

    @property
    def updates(self) -> int | None:
        """How many updates it was trained for; None where the file does not say."""
        number = (self.rest.get("optimizer_history") or [{}])[-1].get("num_updates")
        return None if number is None else int(number)


def read_model(path: Path) -> SavedModel:
    """Read a checkpoint of one of the plugin's Transformers.

    Raises:
        CheckpointError: the file is missing, damaged, of another model, or its weights are not those of its options.
        UnsafeCheckpointError: reading it would run code.
    """
    bindings.register()
    state = read_checkpoint(str(path))
    sections = state.get("cfg")
    if not isinstance(sections, dict) or not isinstance(sections.get("model"), dict):
        raise foreign(path, getattr(state.get("args"), "arch", None))
    weights = dict(state["model"])
    config = stored_config(path, sections["model"], weights)
    check_weights(str(path), config, weights)
    rest = {key: value for key, value in state.items() if key not in ("model", "cfg", "last_optimizer_state")}
    return SavedModel(path, config, tie(str(path), config, weights), sections, rest)


def foreign(path: Path, arch: object) -> CheckpointError:
    """The mistake of giving another model's checkpoint."""
    shown = f"a model of architecture {arch!r}" if arch else "another model"
    way = "`aat import fairseq` takes a stock transformer in"
    if str(arch).startswith("aat_"):
        way = "fairseq-generate and `aat translate` run it"
    return CheckpointError(f"{path} holds {shown} and not the plugin's Transformer; {way}")


def stored_config(path: Path, section: Mapping[str, Any], weights: Mapping[str, Any]) -> TransformerConfig:
    """The config that a checkpoint's model section describes, over vocabularies as large as its embeddings.

    Raises:
        CheckpointError: it is another model's section, or cannot be read.
        ConfigError: an option that cannot work.
    """
    from aat_plugin.bindings.model import AatTransformerModel, transformer_config

    name = str(section.get("_name"))
    if name not in MODEL_DATACLASS_REGISTRY or not issubclass(MODEL_REGISTRY[name], AatTransformerModel):
        raise foreign(path, name)
    if not MODEL_REGISTRY[name].complete:
        raise CheckpointError(f"{path} lacks a part of the Transformer (aat whatif took it out); only fairseq runs it")
    rows = [_rows(path, weights, f"{side}.embed_tokens.weight") for side in ("encoder", "decoder")]
    shared = str(section.get("share_all_embeddings")).lower() == "true"
    source = _Symbols(rows[0])
    target = source if shared and rows[0] == rows[1] else _Symbols(rows[1])
    try:
        options = OmegaConf.merge(OmegaConf.structured(MODEL_DATACLASS_REGISTRY[name]), dict(section))
        config, _ = transformer_config(options, source, target)  # type: ignore[arg-type]
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: its model options cannot be read ({_one_line(error)})") from error
    return config


class _Symbols:
    """Stands for a dictionary where only its size counts; equal to itself alone."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def pad(self) -> int:
        """Where fairseq's dictionaries have the padding."""
        return 1


def _rows(path: Path, weights: Mapping[str, Any], name: str) -> int:
    table = weights.get(name)
    if not isinstance(table, Tensor) or table.dim() != 2:
        raise CheckpointError(f"{path} has no {name}: it holds no encoder-decoder Transformer; check the path")
    return table.size(0)


def parameter_shapes(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    """Every name of the model's state → its shape, without memory for any of it."""
    return {name: tuple(tensor.shape) for name, tensor in _laid_out(config).state_dict().items()}


def parameter_order(config: TransformerConfig) -> list[str]:
    """The names of what is learned, tied ones once, in the order in which an optimizer holds them."""
    return [name for name, _ in _laid_out(config).named_parameters()]


def _laid_out(config: TransformerConfig) -> Transformer:
    """The model without memory for its weights.

    Raises:
        CheckpointError: its sizes are beyond what a tensor can have.
    """
    try:
        with torch.device("meta"):
            return Transformer(config)
    except (RuntimeError, OverflowError, TypeError) as error:
        raise CheckpointError(f"there is no model of these sizes ({_one_line(error)})") from error


def check_weights(owner: str, config: TransformerConfig, weights: Mapping[str, Any]) -> None:
    """Hold names and shapes against the config.

    Args:
        owner: what to call the weights in a message.
        config: what they should be.
        weights: name → tensor.

    Raises:
        CheckpointError: names the first few that are missing, foreign or of another shape.
    """
    layers = dict.fromkeys(("encoder", "decoder"), 0)
    for name in weights:
        match = LAYER.match(name)
        if match:
            layers[match[1]] = max(layers[match[1]], int(match[2]) + 1)
    for side, found in layers.items():  # before a model of as many layers is laid out
        if found != config.num_layers:
            raise CheckpointError(f"{owner}: its {side} has {found} layers and its options say {config.num_layers}")
    wanted = parameter_shapes(config)
    missing = [name for name in wanted if name not in weights]
    extra = [name for name in weights if name not in wanted]
    if missing or extra:
        parts = [f"lack {_listed(missing)}"] * bool(missing) + [f"have {_listed(extra)} besides"] * bool(extra)
        raise CheckpointError(f"{owner}: its weights {' and '.join(parts)}, compared with its options")
    for name, shape in wanted.items():
        found_shape = tuple(weights[name].shape) if isinstance(weights[name], Tensor) else None
        if found_shape != shape:
            raise CheckpointError(f"{owner}: {name} is of shape {found_shape}, its options say {shape}")


def tie(owner: str, config: TransformerConfig, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights with one tensor for names that the config ties.

    Raises:
        CheckpointError: such names hold different numbers.
    """
    tied = dict(weights)
    for option, name, other in TIES:
        if getattr(config, option):
            if tied[name] is not tied[other] and not torch.equal(tied[name], tied[other]):
                raise CheckpointError(f"{owner}: {name} and {other} differ, but {option} makes them one")
            tied[name] = tied[other]
    return tied


def _listed(names: Iterable[str]) -> str:
    all_names = list(names)
    more = f" and {len(all_names) - SHOWN} more" if len(all_names) > SHOWN else ""
    return ", ".join(all_names[:SHOWN]) + more


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
