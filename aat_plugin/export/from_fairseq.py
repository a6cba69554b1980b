"""`aat import fairseq`: a checkpoint of stock fairseq's `transformer` as one of the plugin's, to go on from.

The optimizer's state comes along where it is understood. Read `from_stock_weights` for what can be taken in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.bindings.checkpoint_files import save_atomically
from aat_plugin.bindings.saved_model import (
    check_weights,
    parameter_order,
    parameter_shapes,
    stored_config,
    tie,
)
from aat_plugin.bindings.stock_model import StockCheckpoint, read_stock
from aat_plugin.bindings.stock_sections import criterion_class, plugin_sections
from aat_plugin.export.from_stock_weights import BUFFERS, TARGET, from_stock, model_options, reasons_against
from aat_plugin.export.optimizer_state import CannotMapError, reordered
from aat_plugin.export.places import check_file
from aat_plugin.export.reasons import require

MODEL = "aat_transformer"
LOSSES = ("LabelSmoothedCrossEntropyCriterion", "CrossEntropyCriterion")
"""The losses of stock that the plugin's stands for."""


@dataclass(frozen=True)
class Imported:
    """What was written.

    Attributes:
        output: the file.
        arch: the stock architecture that it was.
        options: what the plugin's model differs by from its defaults, as flags.
        optimizer: whether the optimizer's state came along.
        left_out: why it did not; empty where it did or there was none.
        updates: how many updates the model was trained for.
    """

    output: Path
    arch: str
    options: dict[str, Any]
    optimizer: bool
    left_out: str
    updates: int


def import_fairseq(checkpoint: Path, output: Path) -> Imported:
    """Write a checkpoint of the plugin.

    Args:
        checkpoint: of stock fairseq, of any architecture of `transformer`.
        output: replaced as a whole or not at all.

    Raises:
        NotExpressibleError: ours has no such model; all reasons are listed and nothing is written.
        CheckpointError: the checkpoint is missing, damaged or foreign; the disk is full …
        DataError: `output` cannot be written.
    """
    check_file(checkpoint, output)
    stock = read_stock(checkpoint)
    stored = stock.state["model"]
    require(str(checkpoint), TARGET, reasons_against(stock.options, stored) + _of_the_task(stock))
    options = model_options(str(checkpoint), stock.options, stored)
    as_stored = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    as_stored["convention"] = "fairseq"
    config = stored_config(checkpoint, {**as_stored, "_name": MODEL}, stored)
    weights = from_stock(config, stored)
    check_weights(str(checkpoint), config, weights)
    weights = tie(str(checkpoint), config, weights)
    optimizer, left_out = _optimizer(stock, config, weights)
    state = _state(stock, plugin_sections(stock.sections, as_stored), weights, optimizer)
    save_atomically(state, str(output))
    updates = int(state["optimizer_history"][-1].get("num_updates") or 0)
    return Imported(output, stock.arch, _flags(config), optimizer is not None, left_out, updates)


def _of_the_task(stock: StockCheckpoint) -> list[str]:
    task = (stock.sections.get("task") or {}).get("_name")
    known = ("translation", "translation_from_pretrained_xlm", None)
    return [] if task in known else [f"task={task}: the plugin's aat_translation reads what `translation` does"]


def _optimizer(
    stock: StockCheckpoint, config: TransformerConfig, weights: dict[str, Tensor]
) -> tuple[dict[str, Any] | None, str]:
    """The optimizer's state in our order, or None and why."""
    state, loss = stock.state.get("last_optimizer_state"), _last(stock).get("criterion_name")
    if not isinstance(state, dict):
        return None, ""
    if loss not in LOSSES:
        return None, f"its loss was {loss}"
    shapes, new = parameter_shapes(config), parameter_order(config)
    learned = set(new)
    old = [name for name in stock.state["model"] if name in learned and not BUFFERS.fullmatch(name)]
    try:
        return reordered(state, shapes, old, new), ""
    except CannotMapError as reason:
        return None, str(reason)


def _last(stock: StockCheckpoint) -> dict[str, Any]:
    history = stock.state.get("optimizer_history")
    last = history[-1] if isinstance(history, list) and history else None
    return last if isinstance(last, dict) else {}


def _state(
    stock: StockCheckpoint, sections: dict[str, Any], weights: dict[str, Tensor], optimizer: dict[str, Any] | None
) -> dict[str, Any]:
    state = {
        "args": None,
        "cfg": sections,
        "model": weights,
        "criterion": None,
        "optimizer_history": [{**_last(stock), "criterion_name": criterion_class()}],
        "task_state": {},
        "extra_state": stock.state.get("extra_state") or {},
    }
    if optimizer is not None:
        state["last_optimizer_state"] = optimizer
    return state


def _flags(config: TransformerConfig) -> dict[str, Any]:
    """The options that a run which goes on from here must be given beside --convention fairseq."""
    names = ["num_layers", "d_model", "d_ff", "num_heads", "dropout", "attention_dropout", "activation_dropout"]
    flags = {name: getattr(config, name) for name in names}
    for name in ("learned_positions", "normalize_before", "share_all_embeddings", "share_decoder_input_output_embed"):
        flags[name] = str(getattr(config, name)).lower()
    if config.normalize_before and not config.has_final_norm:
        flags["final_norm"] = "never"
    return flags
