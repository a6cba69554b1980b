"""`aat score ppl`: Table 3's perplexity of a checkpoint on a split of a data-bin, for our models and fairseq's own.

exp of the mean negative log-likelihood of a target piece, teacher-forced, without label smoothing; the end symbol is a
piece, padding is none (tensor2tensor's metric; `fairseq-validate` prints the same as 2^nll_loss).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils, utils

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import missing
from aat_plugin.errors import AatError, CheckpointError, DataError

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Perplexity:
    """What a model finds of a split.

    Attributes:
        nll: the mean negative log-likelihood of a piece, in nats.
        pieces: target pieces, end symbols counted.
        sentences: how many.
    """

    nll: float
    pieces: int
    sentences: int

    @property
    def perplexity(self) -> float:
        """exp(nll)."""
        return math.exp(self.nll)

    @property
    def bits(self) -> float:
        """The same as `nll` in bits, as fairseq prints it."""
        return self.nll / math.log(2)


def perplexity(
    checkpoint: Path, data: Path, split: str, max_tokens: int, cpu: bool = False, report: Report | None = None
) -> Perplexity:
    """Teacher-force a split through a checkpoint.

    Args:
        checkpoint: a file of fairseq-train's or `aat average`'s.
        data: the folder that fairseq-preprocess made; its dictionaries must be the checkpoint's.
        split: `valid`, `test` …
        max_tokens: pieces a batch, padding counted; more is quicker and takes more memory.
        cpu: do not use a GPU that is there.
        report: called after each batch with how many batches are done and how many there are.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, foreign, or does not fit the data's dictionaries.
        DataError: the split is missing or empty, or a sentence is longer than the model's positions.
    """
    aat_plugin.register()
    model, task = _load(checkpoint, data)
    device = torch.device("cuda" if torch.cuda.is_available() and not cpu else "cpu")
    model.eval().to(device)
    batches = _batches(task, model, split, max_tokens)
    total, pieces, sentences = 0.0, 0, 0
    for done, sample in enumerate(batches, start=1):
        on_device = utils.move_to_cuda(sample, device) if device.type == "cuda" else sample
        nll, count = _nll(model, on_device, task.target_dictionary.pad())
        total, pieces, sentences = total + nll, pieces + count, sentences + len(sample["id"])
        if report is not None:
            report(done, len(batches))
    if pieces == 0:
        raise DataError(f"'{split}' in {data} has no sentences; make it with fairseq-preprocess")
    return Perplexity(total / pieces, pieces, sentences)


def _load(checkpoint: Path, data: Path) -> tuple[Any, Any]:
    """The model and its task over `data`."""
    if not data.is_dir():
        raise DataError(f"data folder {data} does not exist; give one that fairseq-preprocess made")
    if not any(data.glob("dict.*.txt")):
        raise DataError(f"{data} has no dict.*.txt; give the folder that fairseq-preprocess made")
    if not checkpoint.is_file():
        raise missing(str(checkpoint))
    try:
        models, _, task = checkpoint_utils.load_model_ensemble_and_task(
            [str(checkpoint)], arg_overrides={"data": str(data)}
        )
    except AatError:
        raise
    except FileNotFoundError as error:  # a stock task's dictionary
        raise DataError(f"{error.filename or error}: not there; give the data-bin of {checkpoint}'s training") from None
    except RuntimeError as error:
        if "size mismatch" not in str(error):
            raise
        details = " ".join(str(error).partition("size mismatch for ")[2].split())[:150]
        raise CheckpointError(
            f"{checkpoint} does not fit the dictionaries in {data} ({details} …); give the data-bin it was trained on"
        ) from error
    return models[0], task


def _batches(task: Any, model: Any, split: str, max_tokens: int) -> Any:
    """The split in batches, none left out."""
    try:
        task.load_dataset(split, combine=False, epoch=1)
    except FileNotFoundError as error:
        raise DataError(f"{error}; name a split that the data-bin has, such as --split valid") from None
    dataset = task.dataset(split)
    if len(dataset) == 0:
        raise DataError(f"'{split}' has no sentences; make it with fairseq-preprocess")
    limits = utils.resolve_max_positions(task.max_positions(), model.max_positions())
    longest = _longest(dataset, limits, split)
    return task.get_batch_iterator(
        dataset=dataset, max_tokens=max(max_tokens, longest), max_positions=limits, ignore_invalid_inputs=False,
        required_batch_size_multiple=1, seed=1, num_workers=0,
    ).next_epoch_itr(shuffle=False)


def _longest(dataset: Any, limits: Any, split: str) -> int:
    """The longest side of all sentences, in pieces.

    Raises:
        DataError: a sentence is longer than the model has positions; fairseq would leave it out or give a traceback.
    """
    both = limits if isinstance(limits, tuple) else (limits, limits)
    longest = 0
    for index in range(len(dataset)):
        sizes = dataset.size(index)
        for size, limit in zip(sizes, both, strict=True):
            longest = max(longest, int(size))
            if limit is not None and size > limit:
                raise DataError(
                    f"sentence {index + 1} of '{split}' has {size} pieces, and the model positions for {limit}; "
                    "take it out of the data"
                )
    return longest


@torch.no_grad()
def _nll(model: Any, sample: dict[str, Any], padding: int) -> tuple[float, int]:
    """A batch's negative log-likelihood in nats, summed in float64 over its pieces, and their number."""
    log_probs = model.get_normalized_probs(model(**sample["net_input"]), log_probs=True)
    target = sample["target"]
    chosen = log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1)
    counted = target.ne(padding)
    return -float(chosen[counted].double().sum()), int(counted.sum())
