"""`aat export fairseq`: a checkpoint that stock fairseq loads without a user-dir as its `transformer`.

It holds weights and a stock run's config, no optimizer: stock has more parameters (biases, positions) than ours. Read
`stock_weights` for how the model is said in stock's words, `from_fairseq` for the way back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.bindings.checkpoint_files import save_atomically
from aat_plugin.bindings.saved_model import SavedModel, read_model
from aat_plugin.bindings.stock_sections import plain, stock_sections
from aat_plugin.export.places import check_file
from aat_plugin.export.reasons import require
from aat_plugin.export.stock_weights import TARGET, StockModel, reasons_against, to_stock


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        output: the file.
        learned_positions: whose positions became a table, such as ["encoder", "decoder"].
        added_biases: whether zero biases were added.
        weights: numbers in the file, tied ones counted once.
        bytes: the file's size.
    """

    output: Path
    learned_positions: list[str]
    added_biases: bool
    weights: int
    bytes: int


def export_fairseq(checkpoint: Path, output: Path) -> Exported:
    """Write a stock checkpoint.

    Args:
        checkpoint: ours.
        output: replaced as a whole or not at all.

    Raises:
        NotExpressibleError: stock has no such model; all reasons are listed and nothing is written.
        CheckpointError: the checkpoint is missing, damaged or foreign; the disk is full …
        DataError: `output` cannot be written.
    """
    check_file(checkpoint, output)
    saved = read_model(checkpoint)
    require(str(checkpoint), TARGET, reasons_against(saved.config))
    stock = to_stock(saved.config, saved.weights)
    save_atomically(_state(saved, stock), str(output))
    numbers = {tensor.data_ptr(): tensor.numel() for tensor in stock.weights.values()}
    return Exported(
        output,
        [side for side in ("encoder", "decoder") if stock.options[f"{side}_learned_pos"]],
        not saved.config.attention_bias,
        sum(numbers.values()),
        output.stat().st_size,
    )


def _state(saved: SavedModel, stock: StockModel) -> dict[str, Any]:
    """What fairseq's trainer would have written, but for the optimizer; plain values and tensors alone."""
    history: dict[str, Any] = {"criterion_name": "LabelSmoothedCrossEntropyCriterion", "optimizer_name": "FairseqAdam"}
    history |= {"lr_scheduler_state": {"best": None}, "num_updates": saved.updates or 0}
    extra = saved.rest.get("extra_state") or {}
    return {
        "args": None,
        "cfg": stock_sections(saved, stock.options),
        "model": stock.weights,
        "criterion": None,
        "optimizer_history": [history],
        "task_state": {},
        "extra_state": {name: plain(extra[name]) for name in ("train_iterator", "val_loss", "best") if name in extra},
    }
