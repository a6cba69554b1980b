"""fairseq's config of a stock run in the place of the plugin's, section by section, and the other way round.

A checkpoint carries the whole config of the run that made it; one that travels must name only what its new home has.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterionConfig
from fairseq.dataclass.configs import FairseqConfig
from fairseq.optim.lr_scheduler.inverse_square_root_schedule import InverseSquareRootLRScheduleConfig
from fairseq.tasks.translation import TranslationConfig

from aat_plugin.bindings.criterion import AatLabelSmoothingConfig, AatLabelSmoothingCriterion
from aat_plugin.bindings.flags import truth
from aat_plugin.bindings.model import AatTransformerConfig
from aat_plugin.bindings.saved_model import SavedModel
from aat_plugin.bindings.translation_task import AatTranslationConfig

Sections = dict[str, Any]

CHOSEN = ("model", "task", "criterion", "lr_scheduler")
"""The sections that are written anew."""
PLAIN = (type(None), bool, int, float, str)


def stock_sections(saved: SavedModel, model: Mapping[str, Any]) -> Sections:
    """The config of the stock run that would have made a checkpoint.

    Args:
        saved: ours.
        model: the stock model's options.
    """
    sections = _kept(saved.sections)
    sections["common"] = {**sections.get("common", {}), "user_dir": None}
    sections["model"] = dict(model)
    task = _section(saved.sections, "task")
    sections["task"] = _filled(TranslationConfig, "translation", task)
    for name in ("left_pad_source", "left_pad_target"):
        if name in sections["task"]:
            sections["task"][name] = truth(name, sections["task"][name], default=name == "left_pad_source")
    sections["criterion"] = _filled(
        LabelSmoothedCrossEntropyCriterionConfig,
        "label_smoothed_cross_entropy",
        _section(saved.sections, "criterion"),
    )
    schedule = _section(saved.sections, "lr_scheduler")
    if schedule.get("_name") == "aat_noam":
        # Eq. 3's peak: stock's schedule grows to --lr over the warm-up and falls with the root from there.
        warmup = max(int(schedule["warmup_updates"]), 1)
        peak = float(schedule["lr_factor"]) * int(schedule["schedule_width"]) ** -0.5 * warmup**-0.5
        schedule = {"warmup_updates": warmup, "lr": [peak]}
        sections["lr_scheduler"] = _filled(InverseSquareRootLRScheduleConfig, "inverse_sqrt", schedule)
        sections["optimization"] = {**sections.get("optimization", {}), "lr": [peak]}
    else:
        sections["lr_scheduler"] = schedule
    return sections


def plugin_sections(stock: Sections, model: Mapping[str, Any]) -> Sections:
    """The config of a run of the plugin that goes on from a stock checkpoint: its own optimizer and schedule.

    Args:
        stock: the stock checkpoint's.
        model: the plugin's model options.
    """
    sections = _kept(stock)
    sections["model"] = _filled(AatTransformerConfig, "aat_transformer", model)
    task = _section(stock, "task")
    for name in ("left_pad_source", "left_pad_target"):
        task[name] = str(str(task.get(name, name == "left_pad_source")).lower() in ("true", "1", "yes"))
    sections["task"] = _filled(AatTranslationConfig, "aat_translation", {**task, "convention": "fairseq"})
    criterion = _section(stock, "criterion")
    criterion.setdefault("label_smoothing", 0.0)  # plain cross entropy
    sections["criterion"] = _filled(
        AatLabelSmoothingConfig,
        "aat_label_smoothing",
        {**criterion, "smoothing_mass": "others", "convention": "fairseq"},
    )
    schedule = _section(stock, "lr_scheduler")
    sections["lr_scheduler"] = schedule or None
    return sections


def criterion_class() -> str:
    """The name by which fairseq's trainer recognises the plugin's loss in a checkpoint."""
    return AatLabelSmoothingCriterion.__name__


def _kept(sections: Sections) -> Sections:
    """What stays as it is: fairseq's own sections, where they are plain."""
    known = {field.name for field in dataclasses.fields(FairseqConfig)}
    return {name: plain(value) for name, value in sections.items() if name in known and name not in CHOSEN}


def _section(sections: Sections, name: str) -> dict[str, Any]:
    """A section as a plain dict, empty where there is none; fairseq's older classes store a namespace."""
    value = plain(sections.get(name))
    return dict(value) if isinstance(value, dict) else {}


def plain(value: Any) -> Any:
    """Dicts, lists, text and numbers; namespaces become dicts, tuples lists, and anything else is left out."""
    if isinstance(value, Namespace):
        value = vars(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items() if _is_plain(inner)}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value if _is_plain(inner)]
    return value if isinstance(value, PLAIN) else None


def _is_plain(value: Any) -> bool:
    return isinstance(value, (*PLAIN, Namespace, dict, list, tuple))


def _filled(dataclass: Any, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a dataclass: given ones, else defaults that are no interpolations."""
    options: dict[str, Any] = {"_name": name}
    for field in dataclasses.fields(dataclass):
        if field.name == "_name":
            continue
        if field.name in values:
            options[field.name] = values[field.name]
        elif isinstance(field.default, PLAIN) and "${" not in str(field.default):
            options[field.name] = field.default
    return options
