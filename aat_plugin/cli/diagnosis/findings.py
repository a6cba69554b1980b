"""One line of `aat doctor`: what was looked at, what it is, and, where something is wrong, the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "broken"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        topic: the heading it stands under.
        name: what was looked at.
        value: what it is.
        verdict: ok; note (works, but worth knowing); broken (a command will fail).
        mend: the way out, one line; empty where all is well.
    """

    topic: str
    name: str
    value: str
    verdict: Verdict = "ok"
    mend: str = ""
