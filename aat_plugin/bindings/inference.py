"""Saved models, run on sentences that are no data set on disk: what `translator` and `parser` have in common.

Models of any task and architecture of fairseq's go through the plugin's search (Section 6.1). Read `generator` next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq import utils as fairseq_utils
from torch import Tensor

import aat_plugin
from aat_plugin.bindings.over_long import Entry
from aat_plugin.errors import CheckpointError, DataError


class Inference:
    """One model, or an ensemble, with its task.

    Args:
        checkpoints: their files.
        overrides: of the task's options as they were saved, `data` above all.
        device: "cpu", "cuda", or None for what there is.

    Raises:
        CheckpointError: a file is missing, damaged or of other dictionaries.
        DataError: the data are not there, or not this model's.
    """

    def __init__(self, checkpoints: Sequence[Path], overrides: Mapping[str, Any], device: str | None = None) -> None:
        self.models, self.task = _load([str(path) for path in checkpoints], dict(overrides))
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        for model in self.models:
            model.to(self.device).eval()

    @property
    def longest_source(self) -> int:
        """Tokens of the longest source, end symbol included."""
        return int(fairseq_utils.resolve_max_positions(
            self.task.max_positions(), *(model.max_positions() for model in self.models)
        )[0])

    def search(
        self, generator: Any, dataset: Any, sources: Sequence[Tensor], max_tokens: int
    ) -> list[list[Entry]]:
        """Each sentence's hypotheses, best first, in the sentences' order.

        Args:
            generator: what a task's `build_generator` gives.
            dataset: what the task makes of the sources.
            sources: each sentence's tokens, (src_len,), with end symbol.
            max_tokens: source tokens a batch, padding included.
        """
        found: list[list[Entry]] = [[] for _ in sources]
        for batch in batches(sources, max_tokens):
            sample = dataset.collater([dataset[index] for index in batch])
            if self.device.type == "cuda":
                sample = fairseq_utils.move_to_cuda(sample)
            hypotheses = self.task.inference_step(generator, self.models, sample)
            for index, entries in zip(sample["id"].tolist(), hypotheses, strict=True):
                found[index] = entries
        return found


def batches(sources: Sequence[Tensor], max_tokens: int) -> Iterator[list[int]]:
    """Indices by length, so that little is padded; a batch holds at most max_tokens with its padding."""
    batch: list[int] = []
    for index in sorted(range(len(sources)), key=lambda one: -sources[one].numel()):
        if batch and sources[batch[0]].numel() * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _load(paths: list[str], overrides: dict[str, Any]) -> tuple[list[Any], Any]:
    """Models and task; a dictionary that is not the model's is named."""
    aat_plugin.register()
    for path in paths:
        if not Path(path).is_file():
            raise CheckpointError(f"{path} does not exist or is no file; give a checkpoint, as training saves it")
    data = overrides.get("data", "the folder that it was trained on")
    try:
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(paths, arg_overrides=overrides)
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        details = next(line.strip() for line in str(error).splitlines() if "size mismatch" in line)
        raise CheckpointError(f"{paths[0]} does not fit the dictionaries in {data}: {details}") from None
    except (FileNotFoundError, KeyError) as error:
        raise DataError(f"{paths[0]} cannot be built with the data in {data}: {error}") from None
    return models, task
