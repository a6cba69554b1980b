"""A trained model behind one method: subword lines in, hypotheses out. `aat translate` is built on it.

Models of any task and architecture of fairseq's go through the plugin's search (Section 6.1). Read `generator` next.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq import utils as fairseq_utils
from torch import Tensor

import aat_plugin
from aat_plugin import conventions
from aat_plugin.bindings.generator import build_generator
from aat_plugin.errors import CheckpointError, DataError

BPE_SYMBOL = "@@ "


@dataclass(frozen=True)
class Search:
    """How to search; None takes the value of the convention that the model was trained with.

    Attributes:
        beam, lenpen, max_len_a, max_len_b: as fairseq-generate's flags; the paper's are 4, 0.6, 1 and 50.
        nbest: hypotheses a sentence.
        max_tokens: source tokens a batch, padding included.
    """

    beam: int | None = None
    lenpen: float | None = None
    max_len_a: float | None = None
    max_len_b: float | None = None
    nbest: int = 1
    max_tokens: int = 4000


@dataclass(frozen=True)
class Translation:
    """One hypothesis: its score (log-probability over the length penalty) and its tokens, BPE undone."""

    score: float
    tokens: str


class Translator:
    """One model, or an ensemble.

    Args:
        checkpoints: their files.
        dictionaries: the folder of dict.xx.txt.
        languages: source and target.
        search: see `Search`.
        device: "cpu", "cuda", or None for what there is.

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
    ) -> None:
        overrides = {"data": str(dictionaries), "source_lang": languages[0], "target_lang": languages[1]}
        self.models, self.task = _load([str(path) for path in checkpoints], overrides)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        for model in self.models:
            model.to(self.device).eval()
        self.search = search
        self.generator = build_generator(
            self.task, self.models, _flags(search), search=conventions.resolve(self._dialect(), "search", {}),
            convention=self._dialect(),
        )  # fmt: skip

    @property
    def longest_source(self) -> int:
        """Tokens of the longest source, end symbol included."""
        return int(fairseq_utils.resolve_max_positions(
            self.task.max_positions(), *(model.max_positions() for model in self.models)
        )[0])

    def length(self, line: str) -> int:
        """Tokens of a line, end symbol included."""
        return len(line.split()) + 1

    def translate(self, lines: Sequence[str]) -> list[list[Translation]]:
        """The best hypotheses of each line, in the lines' order.

        Args:
            lines: subwords between blanks; none empty, none over `longest_source`.
        """
        found: list[list[Translation]] = [[] for _ in lines]
        dictionary = self.task.source_dictionary
        tokens = [dictionary.encode_line(line, add_if_not_exist=False).long() for line in lines]
        dataset = self.task.build_dataset_for_inference(tokens, [one.numel() for one in tokens])
        for batch in self._batches(tokens):
            sample = dataset.collater([dataset[index] for index in batch])
            if self.device.type == "cuda":
                sample = fairseq_utils.move_to_cuda(sample)
            hypotheses = self.task.inference_step(self.generator, self.models, sample)
            for index, entries in zip(sample["id"].tolist(), hypotheses, strict=True):
                found[index] = [self._translation(entry) for entry in entries[: self.search.nbest]]
        return found

    def _dialect(self) -> str | None:
        """The convention that the (first) model of ours was trained with; None for stock models."""
        held = (getattr(model, "convention", None) for model in self.models)  # a stock model has no such attribute
        return next((name for name in held if isinstance(name, str)), None)

    def _batches(self, tokens: Sequence[Tensor]) -> Iterator[list[int]]:
        """Indices by length, so that little is padded; a batch holds at most max_tokens with its padding."""
        batch: list[int] = []
        for index in sorted(range(len(tokens)), key=lambda one: -tokens[one].numel()):
            if batch and tokens[batch[0]].numel() * (len(batch) + 1) > self.search.max_tokens:
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _translation(self, entry: dict[str, Any]) -> Translation:
        strip = self.generator.symbols_to_strip_from_output
        words = self.task.target_dictionary.string(entry["tokens"].int(), BPE_SYMBOL, extra_symbols_to_ignore=strip)
        return Translation(float(entry["score"]), words)


def _load(paths: list[str], overrides: dict[str, Any]) -> tuple[list[Any], Any]:
    """Models and task; a dictionary that is not the model's is named."""
    aat_plugin.register()
    try:
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(paths, arg_overrides=overrides)
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        details = next(line.strip() for line in str(error).splitlines() if "size mismatch" in line)
        raise CheckpointError(f"{paths[0]} does not fit the dictionaries in {overrides['data']}: {details}") from None
    except (FileNotFoundError, KeyError) as error:
        raise DataError(f"{paths[0]} cannot be built with the data in {overrides['data']}: {error}") from None
    return models, task


def _flags(search: Search) -> Namespace:
    """What was given, as --eval-bleu-args would hold it; the rest is the convention's."""
    given = {name: getattr(search, name) for name in ("beam", "lenpen", "max_len_a", "max_len_b", "nbest")}
    return Namespace(**{name: value for name, value in given.items() if value is not None})
