"""Section 5.4's loss fused with the projection to the vocabulary: (tokens, V) logits never exist.

The rows of real target tokens are taken a chunk at a time: project, normalise, sum the loss, and turn the chunk's
logits into their own gradient at once, which is multiplied with the matrix and forgotten. What stays for backward is
the gradient of the features (tokens, d_model) and of the matrix (V, d_model). Padding is never projected. It gives what
`label_smoothing.SmoothedCrossEntropy` gives, whose class it extends; the gradient of `nll`, which nobody asks for, does
not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aat_plugin.training.label_smoothing import LossSums, SmoothedCrossEntropy

CHUNK = 512
"""Rows a chunk: measured at V = 9,700 and 37,000 on a processor, where 256 was as quick and 1,024 no quicker."""
ROWS_AT_ONCE = 8
"""Rows that pass through softmax at one time on a processor: a few hundred kilobytes, which its cache holds."""


@dataclass(frozen=True)
class FusedCrossEntropy(SmoothedCrossEntropy):
    """Label-smoothed cross entropy that projects in chunks.

    Attributes:
        chunk: rows of logits that exist at one time.
    """

    chunk: int = CHUNK

    def __call__(self, features: Tensor, weight: Tensor, target: Tensor) -> LossSums:
        """Project to the vocabulary and sum the loss.

        Args:
            features: (batch, tgt_len, d_model).
            weight: (V, d_model).
            target: (batch, tgt_len).
        """
        features, target = self._without_prefix(features, target)
        real = target.reshape(-1).ne(self.padding_idx).nonzero().squeeze(-1)
        rows = features.reshape(-1, features.size(-1)).index_select(0, real)
        classes = target.reshape(-1).index_select(0, real)
        loss, nll, correct = _Chunked.apply(  # type: ignore[no-untyped-call]
            rows, weight, classes, self, _product_dtype(features)
        )
        counted = self.report_accuracy
        return LossSums(loss, nll, correct if counted else None, torch.tensor(real.numel()) if counted else None)

    def masses(self, vocabulary: int) -> tuple[float, float]:
        """What each class receives, and what the true class receives on top."""
        share = self._share(vocabulary)
        return share, 1.0 - self.epsilon - (0.0 if self.smoothing_mass == "all" else share)


def _product_dtype(features: Tensor) -> torch.dtype:
    """The type of matrix products here: autocast's where it is on, for it does not reach into a Function."""
    device = features.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype


class _Chunked(torch.autograd.Function):
    """(rows, d_model), (V, d_model), (rows,) → loss, nll, correct, each ()."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, classes: Tensor, rule: FusedCrossEntropy, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = torch.float64 if rows.dtype is torch.float64 else torch.float32
        loss, nll = rows.new_zeros((), dtype=wide), rows.new_zeros((), dtype=wide)
        correct = torch.zeros((), dtype=torch.long, device=rows.device)
        matrix = weight.to(dtype)
        wanted = any(ctx.needs_input_grad[:2])
        of_rows = torch.empty_like(rows, dtype=dtype) if wanted else None
        of_matrix = torch.zeros_like(weight, dtype=wide) if wanted else None
        # One buffer for every chunk: fresh memory of this size is cleared by the system each time.
        buffer = rows.new_empty((min(rule.chunk, rows.size(0)), weight.size(0)), dtype=dtype)
        for start in range(0, rows.size(0), rule.chunk):
            part, wanted_class = rows[start : start + rule.chunk].to(dtype), classes[start : start + rule.chunk]
            logits = torch.mm(part, matrix.t(), out=buffer[: part.size(0)])
            if rule.report_accuracy:
                correct += logits.argmax(dim=-1).eq(wanted_class).sum()
            sums = _chunk(logits, wanted_class, rule, wide, wanted)
            loss, nll = loss + sums[0], nll + sums[1]
            if of_rows is not None and of_matrix is not None:
                torch.mm(logits, matrix, out=of_rows[start : start + rule.chunk])
                _add_product(of_matrix, logits, part)
        ctx.save_for_backward(of_rows, of_matrix)
        ctx.dtypes = (rows.dtype, weight.dtype)
        ctx.mark_non_differentiable(nll, correct)
        return loss, nll, correct

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        of_rows, of_matrix = ctx.saved_tensors
        scale = outputs[0]
        rows = (of_rows * scale.to(of_rows.dtype)).to(ctx.dtypes[0]) if ctx.needs_input_grad[0] else None
        matrix = (of_matrix * scale).to(ctx.dtypes[1]) if ctx.needs_input_grad[1] else None
        return rows, matrix, None, None, None


def _chunk(
    logits: Tensor, classes: Tensor, rule: FusedCrossEntropy, wide: torch.dtype, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Loss and nll of a chunk, () each; with `gradient`, ∂loss/∂logits stands in the place of the logits.

    That is softmax less the smoothed target, whose masses sum to 1. On a processor a few rows at a time, so that they
    stay in its cache over all of these passes.
    """
    share, on_true = rule.masses(logits.size(-1))
    but_pad = rule.smoothing_mass == "others_but_pad"
    of_true = logits.gather(-1, classes.unsqueeze(-1)).squeeze(-1).to(wide)
    of_pad = logits[:, rule.padding_idx].to(wide, copy=True) if but_pad else None
    normaliser, total = torch.empty_like(of_true), torch.empty_like(of_true)
    step = ROWS_AT_ONCE if logits.device.type == "cpu" else max(logits.size(0), 1)
    for start in range(0, logits.size(0), step):
        rows = logits[start : start + step]
        _rows(rows, rows.to(wide), share, normaliser[start : start + step], total[start : start + step], gradient)
    nll = (normaliser - of_true).sum()
    everywhere = normaliser.sum() * logits.size(-1) - total.sum()
    if of_pad is not None:
        everywhere = everywhere - (normaliser - of_pad).sum()
    if gradient:
        if but_pad:
            logits[:, rule.padding_idx] += share
        ones = torch.full_like(classes, 1, dtype=logits.dtype).mul_(-on_true).unsqueeze(-1)
        logits.scatter_add_(-1, classes.unsqueeze(-1), ones)
    return on_true * nll + share * everywhere, nll


def _rows(rows: Tensor, wide: Tensor, share: float, normaliser: Tensor, total: Tensor, gradient: bool) -> None:
    """Log-sum-exp and sum of each row and, with `gradient`, softmax less `share` in the rows' place.

    Args:
        rows: logits, (rows, V).
        wide: the same in at least float32; may be `rows` itself.
        share: the smoothed target's mass on every class.
        normaliser, total: (rows,), written.
        gradient: whether `rows` is to hold it.
    """
    if not gradient:
        torch.logsumexp(wide, dim=-1, out=normaliser)
        torch.sum(wide, dim=-1, out=total)
        return
    torch.sum(wide, dim=-1, out=total)
    largest = wide.amax(dim=-1, keepdim=True)
    sums = wide.sub_(largest).exp_().sum(dim=-1, keepdim=True)
    torch.add(largest.squeeze(-1), sums.log().squeeze(-1), out=normaliser)
    wide.mul_(sums.reciprocal_())
    if share:
        wide.sub_(share)
    if wide.data_ptr() != rows.data_ptr():
        rows.copy_(wide)


def _add_product(total: Tensor, gradient: Tensor, rows: Tensor) -> None:
    """total += gradientᵀ rows, summed in total's type."""
    if gradient.dtype == total.dtype:
        torch.addmm(total, gradient.t(), rows, out=total)
    else:
        total.add_(gradient.t() @ rows)
