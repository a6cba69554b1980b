"""Sentences that are too long for the model: named in a warning, never run, and never missing from the output.

fairseq stops at them, or drops them under --skip-invalid-size-inputs-valid-test; here they get an empty hypothesis.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Entry = dict[str, Any]
"""One hypothesis as fairseq has it: tokens, score, attention, alignment, positional_scores."""


def fitting(sample: Mapping[str, Any], pad: int, longest: Mapping[str, int]) -> Tensor:
    """Which sentences are within the limits, (batch,) on the CPU; the others are named in a warning."""
    sides = {"source": sample["net_input"]["src_tokens"], "target": sample.get("target")}
    lengths = {side: sides[side].ne(pad).sum(dim=1).cpu() for side in longest}
    fits = torch.stack([lengths[side] <= longest[side] for side in longest]).all(dim=0)
    ids = sample["id"].tolist() if "id" in sample else None
    for place in (~fits).nonzero().flatten().tolist():
        name = f"sentence {ids[place]}" if ids is not None else f"sentence {place} of the batch"
        sizes = ", ".join(f"{side} {int(lengths[side][place])} tokens (at most {longest[side]})" for side in longest)
        logger.warning(f"{name} is too long and gets an empty hypothesis: {sizes}")
    return fits


def select(net_input: Mapping[str, Any], fits: Tensor, pad: int) -> tuple[dict[str, Any], Tensor]:
    """The input of the sentences that fit, without columns that are padding in all of them; and which they are."""
    kept = fits.nonzero().flatten().to(net_input["src_tokens"].device)
    if fits.all():
        return dict(net_input), kept
    selected = {
        name: value[kept] if isinstance(value, Tensor) and value.size(0) == len(fits) else value
        for name, value in net_input.items()
    }
    selected["src_tokens"] = selected["src_tokens"][:, selected["src_tokens"].ne(pad).any(dim=0)]
    return selected, kept


def empty(eos: int) -> Entry:
    """The hypothesis of a source that is not translated: the end symbol alone, with score 0."""
    return {
        "tokens": torch.tensor([eos]),
        "score": torch.tensor(0.0),
        "attention": torch.empty(0),
        "alignment": [],
        "positional_scores": torch.zeros(1),
    }
