"""Resolves the options that a convention governs, where fairseq builds a section of its config.

A section's dialect is its own `convention`, else the model's, else the task's, else the paper's: the task's is the one
place that Hydra's `convention/` group sets, and from flags `--convention` reaches all sections at once. What was
resolved is written back into the composed config, so that the checkpoint stores values and not None.
"""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import DictConfig, open_dict

from aat_plugin import conventions


def root_of(section: DictConfig) -> DictConfig:
    """The composed config that `section` belongs to; the section itself where it stands alone."""
    root = section._get_root()
    assert isinstance(root, DictConfig)
    return root


def section_of(root: DictConfig, name: str) -> DictConfig | None:
    """A section of the composed config; None where it is absent or an argparse namespace of a stock class."""
    section = root._get_node(name) if name in root else None
    return section if isinstance(section, DictConfig) and not section._is_none() else None


def dialect_of(section: DictConfig) -> str:
    """The convention in force for `section`.

    Raises:
        ConfigError: an unknown convention.
    """
    root = root_of(section)
    for candidate in (section, section_of(root, "model"), section_of(root, "task")):
        if candidate is not None and candidate.get("convention"):
            name = str(candidate.convention)
            conventions.value("beam", name)  # raises for an unknown dialect, naming the known ones
            return name
    return conventions.DEFAULT_DIALECT


def resolve(section: DictConfig, scope: conventions.Scope) -> dict[str, conventions.Value]:
    """The values of all options of `scope` that a convention governs; what `section` gives wins.

    Raises:
        ConfigError: an unknown convention or a value that an option cannot take.
    """
    given = {row.field: section.get(row.field) for row in conventions.rows(scope)}
    return conventions.resolve(dialect_of(section), scope, given)


def store(section: DictConfig, name: str, values: Mapping[str, object]) -> None:
    """Write resolved values into `section` and into the composed config's section `name`, for the checkpoint.

    fairseq hands a merged copy of the section to its builders; booleans are stored as text, as the options take them.
    """
    as_stored = {key: str(value).lower() if isinstance(value, bool) else value for key, value in values.items()}
    targets = [section]
    composed = section_of(root_of(section), name)
    if composed is not None and composed is not section:
        targets.append(composed)
    for target in targets:
        with open_dict(target):
            target.update(as_stored)
