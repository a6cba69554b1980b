"""All reasons at once: what a target cannot express is collected, then said in one line, and nothing is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.errors import UnsupportedOptionError


class NotExpressibleError(UnsupportedOptionError):
    """The target cannot say what the model does.

    Attributes:
        reasons: each names an option, its value, and what the target has instead.
    """

    def __init__(self, what: str, target: str, reasons: list[str]) -> None:
        self.reasons = reasons
        count = "1 reason" if len(reasons) == 1 else f"{len(reasons)} reasons"
        super().__init__(f"{what} cannot go to {target}, {count}, and nothing was written: {'; '.join(reasons)}")


def require(what: str, target: str, reasons: list[str]) -> None:
    """Go on only where there is no reason against it.

    Raises:
        NotExpressibleError: lists all reasons.
    """
    if reasons:
        raise NotExpressibleError(what, target, reasons)


def unknown_choices(config: TransformerConfig, known: Collection[str], target: str) -> list[str]:
    """A reason for each option of the model that an exporter does not know and that is not at its default.

    An option that is added to the model later is so refused until its exporters learn of it.
    """
    return [
        f"{field.name}={getattr(config, field.name)!r}: {target} has nothing like it"
        for field in dataclasses.fields(config)
        if field.name not in known and getattr(config, field.name) != field.default
    ]
