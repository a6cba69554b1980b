"""A trained model behind one method: subword lines in, hypotheses out. `aat translate` is built on it.

Models of any task and architecture of fairseq's go through the plugin's search (Section 6.1). Read `inference` next.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin import conventions
from aat_plugin.bindings.generator import build_generator
from aat_plugin.bindings.inference import Inference

BPE_SYMBOLS = {"bpe": "@@ ", "wordpiece": "sentencepiece"}
"""Pieces → what fairseq joins them by (its --remove-bpe)."""


@dataclass(frozen=True)
class Search:
    """How to search; None takes the value of the convention that the model was trained with.

    Attributes:
        beam, lenpen, max_len_a, max_len_b: as fairseq-generate's flags; the paper's are 4, 0.6, 1 and 50.
        nbest: hypotheses a sentence.
        max_tokens: source tokens a batch, padding included.
        precision: of our own models' matrix products, `float32`, `bf16` or `int8`; None for float32.
    """

    beam: int | None = None
    lenpen: float | None = None
    max_len_a: float | None = None
    max_len_b: float | None = None
    nbest: int = 1
    max_tokens: int = 4000
    precision: str | None = None


@dataclass(frozen=True)
class Translation:
    """One hypothesis: its score (log-probability over the length penalty) and its tokens, BPE undone."""

    score: float
    tokens: str


class Translator(Inference):
    """One model, or an ensemble.

    Args:
        checkpoints: their files.
        dictionaries: the folder of dict.xx.txt.
        languages: source and target.
        search: see `Search`.
        device: "cpu", "cuda", or None for what there is.
        pieces: how words were cut, so how they are joined: `bpe` or `wordpiece`.

    Raises:
        CheckpointError: a file is missing, damaged or of other dictionaries.
    """

    def __init__(
        self,
        checkpoints: Sequence[Path],
        dictionaries: Path,
        languages: tuple[str, str],
        search: Search,
        device: str | None = None,
        pieces: str = "bpe",
    ) -> None:
        overrides = {"data": str(dictionaries), "source_lang": languages[0], "target_lang": languages[1]}
        super().__init__(checkpoints, overrides, device)
        self.asked, self._symbol = search, BPE_SYMBOLS[pieces]
        self.generator = build_generator(
            self.task, self.models, _flags(search), search=conventions.resolve(self._dialect(), "search", {}),
            convention=self._dialect(), precision=search.precision or "float32",
        )  # fmt: skip

    def length(self, line: str) -> int:
        """Tokens of a line, end symbol included."""
        return len(line.split()) + 1

    def translate(self, lines: Sequence[str]) -> list[list[Translation]]:
        """The best hypotheses of each line, in the lines' order.

        Args:
            lines: subwords between blanks; none empty, none over `longest_source`.
        """
        dictionary = self.task.source_dictionary
        tokens = [dictionary.encode_line(line, add_if_not_exist=False).long() for line in lines]
        dataset = self.task.build_dataset_for_inference(tokens, [one.numel() for one in tokens])
        found = self.search(self.generator, dataset, tokens, self.asked.max_tokens)
        return [[self._translation(entry) for entry in entries[: self.asked.nbest]] for entries in found]

    def _dialect(self) -> str | None:
        """The convention that the (first) model of ours was trained with; None for stock models."""
        held = (getattr(model, "convention", None) for model in self.models)  # a stock model has no such attribute
        return next((name for name in held if isinstance(name, str)), None)

    def _translation(self, entry: dict[str, Any]) -> Translation:
        strip = self.generator.symbols_to_strip_from_output
        words = self.task.target_dictionary.string(entry["tokens"].int(), self._symbol, extra_symbols_to_ignore=strip)
        return Translation(float(entry["score"]), words)


def _flags(search: Search) -> Namespace:
    """What was given, as --eval-bleu-args would hold it; the rest is the convention's."""
    given = {name: getattr(search, name) for name in ("beam", "lenpen", "max_len_a", "max_len_b", "nbest")}
    return Namespace(**{name: value for name, value in given.items() if value is not None})
