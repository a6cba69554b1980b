"""The steps of a beam search as a linked list of rows, from which finished hypotheses are read back at the end.

A step costs what it has rows, whatever the hypotheses' length: nothing that was recorded moves with the beam.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Step(NamedTuple):
    """What the rows of one step were before it."""

    token: Tensor
    """(rows,): each row's last token."""
    log_prob: Tensor
    """(rows,): log P of each row so far."""
    parent: Tensor
    """(rows,): the row of the step before that it continues."""
    attention: Tensor | None
    """(rows, src_len): where this step looked."""


class Traced(NamedTuple):
    """Hypotheses read back; what lies behind a hypothesis's end is undefined."""

    tokens: Tensor
    """(hypotheses, steps)."""
    log_prob: Tensor
    """(hypotheses, steps): log P up to each token."""
    attention: Tensor | None
    """(hypotheses, steps, src_len)."""


class History:
    """All steps of one search."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    def record(self, step: Step) -> None:
        """Append a step."""
        self._steps.append(step)

    def trace(self, steps: Tensor, rows: Tensor, log_probs: Tensor, end_idx: int) -> Traced:
        """Read hypotheses back from their ends.

        Args:
            steps: (hypotheses,), the step at which each ended.
            rows: (hypotheses,), the row of that step.
            log_probs: (hypotheses,), log P with the end symbol.
            end_idx: the end symbol.
        """
        count, length = steps.size(0), int(steps.max()) + 1 if steps.numel() else 0
        tokens = torch.full((count, length), end_idx, dtype=torch.int64, device=steps.device)
        totals = torch.zeros((count, length), dtype=log_probs.dtype, device=steps.device)
        totals.scatter_(1, steps.unsqueeze(1), log_probs.unsqueeze(1))
        looked: list[Tensor] = []
        for index in range(length - 1, -1, -1):
            step = self._steps[index]
            rows_now = torch.where(steps >= index, rows, torch.zeros_like(rows))
            if step.attention is not None:
                looked.append(step.attention.index_select(0, rows_now))
            if index > 0:
                before = steps >= index
                tokens[:, index - 1] = torch.where(before, step.token[rows_now], tokens[:, index - 1])
                totals[:, index - 1] = torch.where(before, step.log_prob[rows_now], totals[:, index - 1])
                rows = torch.where(before, step.parent[rows_now], rows)
        attention = torch.stack(looked[::-1], dim=1) if looked else None
        return Traced(tokens, totals, attention)
