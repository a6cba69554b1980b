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
from torch.nn import functional as F

from aat_plugin.training.label_smoothing import LossSums, SmoothedCrossEntropy

CHUNK = 256
"""Rows a chunk: measured at V = 9,700 and 37,000 on a processor; 128 and 512 were slower."""


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
        for start in range(0, rows.size(0), rule.chunk):
            part, wanted_class = rows[start : start + rule.chunk].to(dtype), classes[start : start + rule.chunk]
            logits = F.linear(part, matrix).to(wide)
            if rule.report_accuracy:
                correct += logits.argmax(dim=-1).eq(wanted_class).sum()
            sums = _chunk_loss(logits, wanted_class, rule)
            loss, nll = loss + sums[0], nll + sums[1]
            if of_rows is not None and of_matrix is not None:
                gradient = _chunk_gradient(logits, wanted_class, sums[2], rule).to(dtype)
                torch.mm(gradient, matrix, out=of_rows[start : start + rule.chunk])
                _add_product(of_matrix, gradient, part)
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


def _chunk_loss(logits: Tensor, classes: Tensor, rule: FusedCrossEntropy) -> tuple[Tensor, Tensor, Tensor]:
    """Loss and nll of a chunk, () each, and the rows' log-sum-exp (rows, 1)."""
    share, on_true = rule.masses(logits.size(-1))
    normaliser = logits.logsumexp(dim=-1, keepdim=True)
    nll = (normaliser - logits.gather(-1, classes.unsqueeze(-1))).sum()
    everywhere = normaliser.sum() * logits.size(-1) - logits.sum()
    if rule.smoothing_mass == "others_but_pad":
        everywhere = everywhere - (normaliser.squeeze(-1) - logits[:, rule.padding_idx]).sum()
    return on_true * nll + share * everywhere, nll, normaliser


def _chunk_gradient(logits: Tensor, classes: Tensor, normaliser: Tensor, rule: FusedCrossEntropy) -> Tensor:
    """∂loss/∂logits, (rows, V), in place of the logits: softmax less the smoothed target, whose masses sum to 1."""
    share, on_true = rule.masses(logits.size(-1))
    gradient = logits.sub_(normaliser).exp_().sub_(share)
    if rule.smoothing_mass == "others_but_pad":
        gradient[:, rule.padding_idx] += share
    ones = torch.full_like(classes, 1, dtype=gradient.dtype).mul_(-on_true).unsqueeze(-1)
    return gradient.scatter_add_(-1, classes.unsqueeze(-1), ones)


def _add_product(total: Tensor, gradient: Tensor, rows: Tensor) -> None:
    """total += gradientᵀ rows, summed in total's type."""
    if gradient.dtype == total.dtype:
        torch.addmm(total, gradient.t(), rows, out=total)
    else:
        total.add_(gradient.t() @ rows)
