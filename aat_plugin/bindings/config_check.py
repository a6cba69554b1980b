"""Holds every key of a composed config against the dataclass, or the argparse options, that would read it.

fairseq ignores an unknown key of a stock model in silence and answers others with a traceback. Here each is named, with
the nearest option that exists. Read `hydra_hook` next, which calls this before a run; `translation_task` calls it too.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any

from fairseq import models, tasks
from fairseq.dataclass.configs import FairseqConfig
from fairseq.registry import REGISTRIES
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.errors import ConfigError, UnknownOptionError, nearest

NOT_OPTIONS = frozenset({"hydra", "job_logging_cfg"})
"""Beside the sections of `FairseqConfig`, a composed config holds Hydra's own part, and fairseq adds its logging."""


def check(root: DictConfig) -> None:
    """Refuse what nothing would read.

    Sections that came from flags as an argparse namespace were checked by argparse. Anything but a whole config (a
    task's section that a Python caller built on its own) is left alone.

    Args:
        root: fairseq's whole config, as composed or as `fairseq_cli.train.main` has it.

    Raises:
        UnknownOptionError: names every unknown key, each with the nearest known one.
        ConfigError: a `_name` that nothing is registered under, or a value of the wrong type.
    """
    if "common" not in root or "task" not in root:
        return
    sections = {field.name: field for field in fields(FairseqConfig) if not field.name.startswith("_")}
    unknown = list(_unknown("", _keys(root), {*sections, *REGISTRIES, *NOT_OPTIONS}, "the config"))
    for name in sections:
        section = root._get_node(name)
        if isinstance(section, DictConfig) and not section._is_none() and not section._is_missing():
            unknown += _unknown_in_section(name, section)
    if unknown:
        raise UnknownOptionError("; ".join(unknown))
    for name in sections:
        _check_types(name, root._get_node(name))


def install() -> None:
    """Check before fairseq-train fills in defaults, whose own complaint about an unknown key is a traceback.

    For fairseq 0.12: `fairseq_cli.train.main` calls `add_defaults` right after it imported the user-dir.
    """
    train = sys.modules.get("fairseq_cli.train")
    if train is None or hasattr(train.add_defaults, "__wrapped__"):
        return
    train.add_defaults = _checked(train.add_defaults)  # type: ignore[attr-defined]


def _checked(add_defaults: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    @wraps(add_defaults)
    @user_facing
    def wrapper(cfg: DictConfig) -> None:
        check(cfg)
        add_defaults(cfg)

    return wrapper


def _keys(section: DictConfig) -> list[str]:
    return [str(key) for key in section]


def _unknown(prefix: str, keys: Iterable[str], known: Iterable[str], reader: str) -> Iterator[str]:
    """One clause for each of `keys` that is neither `known` nor the `_name` that every section has."""
    known = set(known)
    for key in keys:
        if key not in known and key != "_name":
            yield f"{prefix}{key} is no option of {reader}{_hint(key, known)}"


def _hint(name: str, known: Iterable[str]) -> str:
    """The nearest known name, also where nothing is near."""
    known = sorted(known)
    furthest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return nearest(name, known) or "".join(f"; the nearest is '{match}'" for match in furthest)


def _unknown_in_section(name: str, section: DictConfig) -> list[str]:
    typed = next(field.type for field in fields(FairseqConfig) if field.name == name)
    if is_dataclass(typed):
        return list(_unknown(f"{name}.", _keys(section), (field.name for field in fields(typed)), name))
    chosen = section.get("_name")
    if chosen is None:
        return []  # not chosen: fairseq's own message says what it needs
    dataclass, cls = _registered(name, str(chosen))
    if dataclass is not None:
        return list(_unknown_nested(f"{name}.", section, dataclass, str(chosen)))
    return list(_unknown(f"{name}.", _keys(section), _argparse_options(cls, str(chosen), name), str(chosen)))


def _unknown_nested(prefix: str, section: DictConfig, dataclass: Any, reader: str) -> Iterator[str]:
    """Unknown keys of a dataclass and of the dataclasses inside it (the stock Transformer's encoder and decoder)."""
    known = {field.name: field.type for field in fields(dataclass)}
    yield from _unknown(prefix, _keys(section), known, reader)
    for key in _keys(section):
        inner = section._get_node(key)
        if is_dataclass(known.get(key)) and isinstance(inner, DictConfig) and not inner._is_none():
            yield from _unknown_nested(f"{prefix}{key}.", inner, known[key], reader)


def _registered(section: str, chosen: str) -> tuple[Any, Any]:
    """The dataclass (or None) and the class that fairseq has under a section's `_name`.

    Raises:
        ConfigError: nothing is registered under that name.
    """
    if section == "model":
        name = models.ARCH_MODEL_NAME_REGISTRY.get(chosen, chosen)
        dataclasses, classes = models.MODEL_DATACLASS_REGISTRY, {**models.MODEL_REGISTRY, **models.ARCH_MODEL_REGISTRY}
    elif section == "task":
        name, dataclasses, classes = chosen, tasks.TASK_DATACLASS_REGISTRY, tasks.TASK_REGISTRY
    else:
        registry = REGISTRIES[section]
        name, dataclasses, classes = chosen, registry["dataclass_registry"], registry["registry"]
    if chosen not in classes:
        raise ConfigError(f"{section}._name={chosen!r} is not registered{_hint(chosen, classes)}")
    return dataclasses.get(name), classes[chosen]


def _argparse_options(cls: Any, chosen: str, section: str) -> set[str]:
    """What a stock class without a dataclass reads: its argparse options and what its architecture fills in."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    if hasattr(cls, "add_args"):  # stock classes may have none
        cls.add_args(parser)
    known = {action.dest for action in parser._actions}
    if section == "model" and chosen in models.ARCH_CONFIG_REGISTRY:
        filled = argparse.Namespace()
        for action in parser._actions:
            if action.default is not argparse.SUPPRESS:  # as fairseq's own parser does before it calls the architecture
                setattr(filled, action.dest, action.default)
        models.ARCH_CONFIG_REGISTRY[chosen](filled)
        known |= set(vars(filled))
    return known


def _check_types(name: str, section: Any) -> None:
    """Refuse a value that its dataclass cannot hold; the sections of `FairseqConfig` itself are Hydra's to check."""
    if not isinstance(section, DictConfig) or section._is_none() or section._is_missing() or not section.get("_name"):
        return
    dataclass, _ = _registered(name, str(section._name))
    if dataclass is None:
        return
    try:
        OmegaConf.merge(OmegaConf.structured(dataclass), OmegaConf.to_container(section, resolve=False))
    except OmegaConfBaseException as wrong:
        reason = str(wrong).splitlines()[0]
        raise ConfigError(f"{name}.{wrong.full_key}: {reason}") from None
