"""Write conf/options/<name>.yaml: every option of a registered class, declared without a value.

Hydra refuses `model.dropout=0.2` where no YAML names `model.dropout`, and it composes before fairseq imports the
plugin. A key that is declared as `???` can be set without a plus, and where nobody sets it the class's own default
stays: so the constants are written once, in the code. Run it after an option was added; a test compares.

    python scripts/write_conf_options.py [CONF_DIR]
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

OPTIONS = {
    "aat_transformer": "model",
    "aat_lstm": "model",
    "aat_conv": "model",
    "aat_gru": "model",
    "aat_bytenet": "model",
    "aat_extended_neural_gpu": "model",
    "aat_memory_network": "model",
    "aat_label_smoothing": "criterion",
    "label_smoothed_cross_entropy": "criterion",
    "adam": "optimizer",
    "nag": "optimizer",
    "aat_noam": "lr_scheduler",
    "inverse_sqrt": "lr_scheduler",
    "reduce_lr_on_plateau": "lr_scheduler",
    "aat_translation": "task",
    "aat_parsing": "task",
}
"""Registered name → the section it is chosen in."""


def text(name: str) -> str:
    """The YAML for one registered name."""
    comment = f"# Every option of {name}; ??? is its own default. Written by scripts/write_conf_options.py."
    lines = ["# @package _global_", comment, f"{OPTIONS[name]}:"]
    for field in fields(_dataclass(name)):
        if not field.name.startswith("_") and not _comes_from_elsewhere(field):
            lines += [*_comment(field), f"  {field.name}: ???"]
    return "\n".join(lines) + "\n"


def _dataclass(name: str) -> Any:
    from fairseq import models, tasks
    from fairseq.registry import REGISTRIES

    import aat_plugin

    aat_plugin.register()
    section = OPTIONS[name]
    if section == "model":
        return models.MODEL_DATACLASS_REGISTRY[name]
    if section == "task":
        return tasks.TASK_DATACLASS_REGISTRY[name]
    return REGISTRIES[section]["dataclass_registry"][name]


def _comes_from_elsewhere(field: Field[Any]) -> bool:
    """Whether the default is another section's option, such as optimization.sentence_avg: it is set there."""
    return isinstance(field.default, str) and field.default.startswith("${")


def _comment(field: Field[Any]) -> Iterator[str]:
    meaning = " ".join(str(field.metadata.get("help") or "").split())
    for line in textwrap.wrap(meaning, width=116):
        yield f"  # {line}"


def main() -> None:
    """Write all of them."""
    default = Path(__file__).resolve().parents[1] / "conf"
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else default) / "options"
    folder.mkdir(parents=True, exist_ok=True)
    for name in OPTIONS:
        (folder / f"{name}.yaml").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
