"""Checkpoints as running models, ours and stock ones alike, for comparing what they compute and translate."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils, utils
from torch import Tensor

from aat_plugin import bindings
from aat_plugin.errors import DataError

COUNTED = {"length_penalty": "power", "stop_rule": "count", "length_limit": "batch"}
"""The plugin's search as stock fairseq's is."""


@dataclass(frozen=True)
class LiveModel:
    """A model in evaluation mode on the CPU, and the task that knows its data."""

    model: Any
    task: Any

    def words(self, tokens: Tensor) -> list[str]:
        """Target ids (length,) as symbols, without end symbol and padding."""
        dictionary = self.task.target_dictionary
        return [dictionary[int(one)] for one in tokens if int(one) not in (dictionary.eos(), dictionary.pad())]

    def batches(self, split: str, limit: int | None, max_tokens: int) -> Iterator[dict[str, Any]]:
        """Batches of a split of the data-bin, its first `limit` sentences.

        Raises:
            DataError: there is no such split.
        """
        if split not in self.task.datasets:
            try:
                self.task.load_dataset(split)
            except FileNotFoundError:
                raise DataError(f"no '{split}' in {self.task.cfg.data}; make it with fairseq-preprocess") from None
        dataset = self.task.dataset(split)
        wanted = list(range(len(dataset)))[:limit]
        wanted.sort(key=dataset.size)
        while wanted:
            longest, batch = 0, 0
            while batch < len(wanted):
                longest = max(longest, *(int(one) for one in dataset.size(wanted[batch])))
                if batch and longest * (batch + 1) > max_tokens:
                    break
                batch += 1
            yield dataset.collater([dataset[place] for place in wanted[:batch]])
            wanted = wanted[batch:]

    def double(self) -> None:
        """Compute in float64 from now on: what then differs is no rounding."""
        self.model.double()

    @torch.no_grad()
    def logits(self, sample: Mapping[str, Any]) -> Tensor:
        """Before the softmax, the targets given, (batch, tgt_len, V)."""
        output: Tensor = self.model(**sample["net_input"])[0]
        return output

    @torch.no_grad()
    def translate(self, split: str, limit: int | None, max_tokens: int, **flags: Any) -> dict[int, list[str]]:
        """The best hypothesis of each sentence, by its number in the data.

        Args:
            split: of the data-bin.
            limit: how many sentences; None for all.
            max_tokens: padded tokens in a batch.
            flags: fairseq's generation options, such as beam=4.
        """
        generator = self.task.build_generator([self.model], Namespace(**flags))
        found: dict[int, list[str]] = {}
        for sample in self.batches(split, limit, max_tokens):
            hypotheses = self.task.inference_step(generator, [self.model], sample)
            for number, best in zip(sample["id"].tolist(), hypotheses, strict=True):
                found[number] = self.words(best[0]["tokens"])
        return dict(sorted(found.items()))

    def sentences(self, split: str, limit: int | None) -> tuple[list[list[str]], list[list[str]]]:
        """Sources and references as symbols, in the data's order."""
        source = self.task.source_dictionary
        pairs: dict[int, tuple[list[str], list[str]]] = {}
        for sample in self.batches(split, limit, 10_000):
            for row, number in enumerate(sample["id"].tolist()):
                ids = utils.strip_pad(sample["net_input"]["src_tokens"][row], source.pad()).tolist()
                target = sample["target"][row]
                pairs[number] = ([source[one] for one in ids if one != source.eos()], self.words(target))
        ordered = [pairs[number] for number in sorted(pairs)]
        return [pair[0] for pair in ordered], [pair[1] for pair in ordered]


def open_model(path: Path, data: Path, overrides: Mapping[str, Any] | None = None) -> LiveModel:
    """Load a checkpoint as fairseq's commands do.

    Args:
        path: ours or a stock one.
        data: the data-bin.
        overrides: options of the stored config to change, such as `COUNTED`.

    Raises:
        CheckpointError: the file is missing or damaged.
        DataError: no such data-bin.
    """
    bindings.register()
    changed = {"data": str(data), **(overrides or {})}
    models, _, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], arg_overrides=changed)
    models[0].eval()
    return LiveModel(models[0], task)
