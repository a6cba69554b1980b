"""Section 5.4's loss fused with the projection to the vocabulary: (tokens, V) logits never exist.

The rows of real target tokens are taken a chunk at a time: project, normalise, sum the loss, and turn the chunk's
logits into their own gradient at once, which is multiplied with the matrix and forgotten. What stays for backward is
the gradient of the features (tokens, d_model) and of the matrix (V, d_model). Padding is never projected on a
processor; on a GPU, where to count it would be to wait for the device, it is projected from zeros and left out of every
sum. It gives what `label_smoothing.SmoothedCrossEntropy` gives, whose class it extends; the gradient of `nll`, which
nobody asks for, does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.training.label_smoothing import LossSums, SmoothedCrossEntropy

CHUNK = 512
"""Rows a chunk: measured at V = 9,700 and 37,000 on a processor, where 256 was as quick and 1,024 no quicker."""
HALF_CHUNK = 2048
"""In half precision: every chunk's part of the matrix's gradient is added in float32, which fewer chunks do less often
(measured at V = 37,000: 45 ms a chunk, beside 350 ms for 2,048 rows' products)."""
GPU_CHUNK = 8192
"""In half precision on a GPU, whose memory is larger and whose products want more rows."""
ROWS_ALIKE = 128
"""Half-precision products have a multiple of so many rows."""
NUMBERS_AT_ONCE = 1 << 18
"""Logits that pass through softmax at one time on a processor: a megabyte, which its cache holds."""
_HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class FusedCrossEntropy(SmoothedCrossEntropy):
    """Label-smoothed cross entropy that projects in chunks.

    Attributes:
        chunk: rows of logits that exist at one time; None for what was measured to be best for their type.
    """

    chunk: int | None = None
    counts_rows: ClassVar[bool] = True
    """Whether a processor counts the real rows first; a GPU never does."""

    def rows_a_chunk(self, dtype: torch.dtype, device: str = "cpu") -> int:
        """How many rows of logits of `dtype` exist at one time on a kind of device."""
        half = HALF_CHUNK if device == "cpu" else GPU_CHUNK
        return self.chunk or (half if dtype in _HALF else CHUNK)

    def __call__(self, features: Tensor, weight: Tensor, target: Tensor) -> LossSums:
        """Project to the vocabulary and sum the loss.

        Args:
            features: (batch, tgt_len, d_model).
            weight: (V, d_model).
            target: (batch, tgt_len).
        """
        features, target = self._without_prefix(features, target)
        rows, classes = features.reshape(-1, features.size(-1)), target.reshape(-1)
        real = classes.ne(self.padding_idx)
        here: Tensor | None = real
        if features.device.type == "cpu" and self.counts_rows:
            places, here = real.nonzero().squeeze(-1), None
            rows, classes = rows.index_select(0, places), classes.index_select(0, places)
        else:
            rows = rows.masked_fill(~real.unsqueeze(-1), 0.0)
        loss, nll, correct = _Chunked.apply(  # type: ignore[no-untyped-call]
            rows, weight, classes, here, self, _product_dtype(features)
        )
        counted = self.report_accuracy
        return LossSums(loss, nll, correct if counted else None, real.sum() if counted else None)

    def masses(self, vocabulary: int) -> tuple[float, float]:
        """What each class receives, and what the true class receives on top."""
        share = self._share(vocabulary)
        return share, 1.0 - self.epsilon - (0.0 if self.smoothing_mass == "all" else share)


def _product_dtype(features: Tensor) -> torch.dtype:
    """The type of matrix products here: autocast's where it is on, for it does not reach into a Function."""
    device = features.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype


class _Chunked(torch.autograd.Function):
    """(rows, d_model), (V, d_model), (rows,), (rows,) or None → loss, nll, correct, each ().

    The last says which rows count; the others are zero. None: all of them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        weight: Tensor,
        classes: Tensor,
        here: Tensor | None,
        rule: FusedCrossEntropy,
        dtype: torch.dtype,
    ) -> tuple[Tensor, Tensor, Tensor]:
        wide = torch.float64 if rows.dtype is torch.float64 else torch.float32
        loss, nll = rows.new_zeros((), dtype=wide), rows.new_zeros((), dtype=wide)
        correct = torch.zeros((), dtype=torch.long, device=rows.device)
        given, number = rows.dtype, rows.size(0)
        on_processor = rows.device.type == "cpu"
        matrix, chunk = weight.to(dtype), rule.rows_a_chunk(dtype, rows.device.type)
        # Half-precision products read a matrix whose columns lie together in half the time.
        across = matrix.t().contiguous() if dtype in _HALF and on_processor else matrix.t()
        outside = _Outside(rows.to(dtype), weight, rule, wide)
        # Spare rows, so that few different products are met, each of which oneDNN compiles anew in half precision.
        rows = F.pad(rows.to(dtype), (0, 0, 0, -number % ROWS_ALIKE if dtype in _HALF and on_processor else 0))
        wanted = any(ctx.needs_input_grad[:2])
        of_rows = torch.empty_like(rows) if wanted else None
        of_matrix = outside.of_matrix() if wanted else None
        # One buffer for every chunk: fresh memory of this size is cleared by the system each time.
        buffer = rows.new_empty((min(chunk, rows.size(0)), weight.size(0)))
        for start in range(0, number, chunk):
            part, wanted_class = rows[start : start + chunk], classes[start : start + chunk]
            counted = None if here is None else here[start : start + chunk]
            every = torch.mm(part, across, out=buffer[: part.size(0)])
            logits = every[: wanted_class.size(0)]
            if rule.report_accuracy:
                right = logits.argmax(dim=-1).eq(wanted_class)
                correct += (right if counted is None else right & counted).sum()
            totals = outside.totals(part[: wanted_class.size(0)])
            sums = _chunk(logits, wanted_class, counted, rule, totals, wanted)
            loss, nll = loss + sums[0], nll + sums[1]
            if of_rows is not None and of_matrix is not None:
                every[wanted_class.size(0) :] = 0.0
                own = torch.mm(every, matrix, out=of_rows[start : start + chunk])
                own.sub_(outside.of_each_row)
                _add_product(of_matrix, every, part)
        ctx.save_for_backward(None if of_rows is None else of_rows[:number], of_matrix)
        ctx.dtypes = (given, weight.dtype)
        ctx.mark_non_differentiable(nll, correct)
        return loss, nll, correct

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        of_rows, of_matrix = ctx.saved_tensors
        scale = outputs[0]
        # In place, for a copy of the matrix's takes as long as a product; autograd refuses to come here twice.
        rows = of_rows.mul_(scale.to(of_rows.dtype)).to(ctx.dtypes[0]) if ctx.needs_input_grad[0] else None
        matrix = of_matrix.mul_(scale).to(ctx.dtypes[1]) if ctx.needs_input_grad[1] else None
        return rows, matrix, None, None, None, None


class _Outside:
    """What the smoothed target's equal share of every class contributes, which needs no logits: the gradient of
    share · Σ_v logit_v is share · Σ_v E_v for the features and the same row for each class of the matrix E.

    Args:
        rows: (rows, d_model).
        weight: E, (V, d_model).
        rule: says what the share is, and whether padding gets one.
        wide: the type of sums.
    """

    def __init__(self, rows: Tensor, weight: Tensor, rule: FusedCrossEntropy, wide: torch.dtype) -> None:
        self.rows, self.classes, self.wide = rows, weight.size(0), wide
        self.share, self.pad = rule.masses(self.classes)[0], rule.padding_idx
        self.but_pad = rule.smoothing_mass == "others_but_pad"
        self.whole = weight.sum(dim=0, dtype=wide)
        if self.but_pad:
            self.whole = self.whole - weight[self.pad].to(wide)
        self.of_each_row = (self.share * self.whole).to(rows.dtype)

    def totals(self, part: Tensor) -> Tensor:
        """The sum of each row's logits over the classes that have a share: (rows,)."""
        with torch.autocast(part.device.type, enabled=False):
            return part.to(self.wide) @ self.whole

    def of_matrix(self) -> Tensor:
        """The beginning of the matrix's gradient, (V, d_model)."""
        begun = (-self.share * self.rows.sum(dim=0, dtype=self.wide)).expand(self.classes, -1).clone()
        if self.but_pad:
            begun[self.pad] = 0.0
        return begun


def _chunk(
    logits: Tensor, classes: Tensor, here: Tensor | None, rule: FusedCrossEntropy, totals: Tensor, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Loss and nll of a chunk, () each; with `gradient`, ∂loss/∂logits stands in the place of the logits.

    That is softmax less the smoothed target, whose masses sum to 1; the share that all classes have is left to
    `_Outside`. On a processor a few rows at a time, so that they stay in its cache over all of these passes.
    """
    share, on_true = rule.masses(logits.size(-1))
    place = classes.unsqueeze(-1)
    of_true = logits.gather(-1, place).squeeze(-1).to(totals.dtype)
    step = max(1, NUMBERS_AT_ONCE // logits.size(-1)) if logits.device.type == "cpu" else max(logits.size(0), 1)
    normaliser = torch.empty_like(of_true)
    for start in range(0, logits.size(0), step):
        part = slice(start, start + step)
        _normalise(logits[part], place[part], of_true[part], normaliser[part], gradient)
    if here is not None:
        normaliser, of_true = normaliser * here, of_true * here
    nll = (normaliser - of_true).sum()
    receiving = logits.size(-1) - (rule.smoothing_mass == "others_but_pad")
    everywhere = normaliser.sum() * receiving - totals.sum()
    if gradient:
        # (torch's scatter would widen and round the whole chunk.)
        rows = torch.arange(logits.size(0), device=logits.device)
        logits.index_put_((rows, classes), logits.gather(-1, place).squeeze(-1).sub_(on_true))
    return on_true * nll + share * everywhere, nll


def _normalise(rows: Tensor, classes: Tensor, of_true: Tensor, normaliser: Tensor, gradient: bool) -> None:
    """Log-sum-exp of each row and, with `gradient`, softmax in the rows' place.

    In bfloat16 torch's softmax is one quick pass, and the normaliser follows from the true class's probability as it
    was rounded, to 2^-9 of itself: only the loss that is shown feels it, as it feels that logits are rounded so.

    Args:
        rows: logits, (rows, V).
        classes: the true ones, (rows, 1).
        of_true: their logits in at least float32, (rows,).
        normaliser: (rows,), written.
        gradient: whether `rows` is to hold the softmax.
    """
    if not gradient:
        torch.logsumexp(rows.to(normaliser.dtype), dim=-1, out=normaliser)
        return
    if rows.dtype is torch.bfloat16:
        torch.softmax(rows, dim=-1, out=rows)
        probable = rows.gather(-1, classes).squeeze(-1).to(normaliser.dtype)
        torch.sub(of_true, probable.clamp_(min=torch.finfo(rows.dtype).tiny).log_(), out=normaliser)
        return
    wide = rows.to(normaliser.dtype)
    largest = wide.amax(dim=-1, keepdim=True)
    sums = wide.sub_(largest).exp_().sum(dim=-1, keepdim=True)
    torch.add(largest.squeeze(-1), sums.log().squeeze(-1), out=normaliser)
    wide.mul_(sums.reciprocal_())
    if wide is not rows:
        rows.copy_(wide)


def _add_product(total: Tensor, gradient: Tensor, rows: Tensor) -> None:
    """total += gradientᵀ rows, summed in total's type."""
    if gradient.dtype == total.dtype:
        torch.addmm(total, gradient.t(), rows, out=total)
        return
    on_processor = total.device.type == "cpu"  # what is widened there stays in its cache
    step = max(1, NUMBERS_AT_ONCE // total.size(1)) if on_processor else total.size(0)
    product = gradient.t() @ rows
    for start in range(0, total.size(0), step):
        total[start : start + step].add_(product[start : start + step])
