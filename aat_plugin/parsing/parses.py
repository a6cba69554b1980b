"""What any parser answers with, and parsers without a model: the floors of `baselines`, for `aat parse --floor`.

A parser has `parse(sentences)`, `style` (how raw text is written) and a `description`. `bindings.parser` is the other
one. Read `repair` for what is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aat_plugin.errors import choose
from aat_plugin.parsing.baselines import flat, right_branching
from aat_plugin.parsing.raw_text import PENN, Style
from aat_plugin.parsing.trees import Tree

TOO_LONG = "too-long"
"""Counted beside the rules of `repair_rules`: a sentence that the model has no positions for is one flat S."""

FLOORS = {"flat": flat, "right-branching": right_branching}


@dataclass(frozen=True)
class Parse:
    """One parse of a sentence.

    Attributes:
        tree: under TOP, over exactly the sentence's words.
        score: log-probability over the length penalty; 0 where no model was asked.
        repairs: how often each rule of `repair_rules.RULES`, or `TOO_LONG`, was used.
        at_limit: whether the output is as long as the limit lets it be.
    """

    tree: Tree
    score: float
    repairs: Counter[str]
    at_limit: bool


class AnyParser(Protocol):
    """What `aat parse` needs of a parser."""

    @property
    def style(self) -> Style:
        """How raw text is written."""
        ...

    @property
    def description(self) -> str:
        """How it searches, in words."""
        ...

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[list[Parse]]:
        """The parses of each sentence, best first; none where there are no words."""
        ...


class Floor:
    """A parser that looks at nothing but the number of words.

    Args:
        kind: one of `FLOORS`.

    Raises:
        ConfigError: another one.
    """

    style = PENN

    def __init__(self, kind: str) -> None:
        self._tree = FLOORS[choose("--floor", kind, FLOORS)]
        self.description = f"no model, {kind}"

    def parse(self, sentences: Sequence[Sequence[str]]) -> list[list[Parse]]:
        """One tree a sentence; none where there are no words."""
        return [[Parse(self._tree(words), 0.0, Counter(), False)] if words else [] for words in sentences]
