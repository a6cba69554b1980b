"""Dropout with masks that are drawn cheaply on a processor: sixteen random bits a value. Section 5.4.

torch draws one number in double precision a value, a tenth of a small model's step. Here one 64-bit draw decides four
values, of a stream that torch's generator begins, so masks still follow from the seed alone; they are other masks than
torch's. P_drop is
rounded to a multiple of 2^-16 and survivors are scaled by the rounded rate, so the mean is exact. Elsewhere than on a
processor, and where `quick` is off, torch's own dropout is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 1 << 16
_HALF = (torch.float16, torch.bfloat16)


def dropout(x: Tensor, p: float, *, quick: bool) -> Tensor:
    """Zero each of x's values with probability p and scale the others by 1/(1-p); x of any shape."""
    if not quick or x.device.type != "cpu" or not 0 < level(p) < LEVELS:
        return F.dropout(x, p)
    dropped: Tensor = _Dropped.apply(None, x, p)  # type: ignore[no-untyped-call]
    return dropped


def add_dropped(x: Tensor, inner: Tensor, p: float, *, quick: bool) -> Tensor:
    """x + Dropout(inner): a residual sum of Section 5.4.

    Args:
        x: of any shape.
        inner: of x's shape.
        p: P_drop, in [0, 1).
        quick: whether to draw masks as this module does.
    """
    if not quick or x.device.type != "cpu" or not 0 < level(p) < LEVELS:
        return x + F.dropout(inner, p)
    summed: Tensor = _Dropped.apply(x, inner, p)  # type: ignore[no-untyped-call]
    return summed


def random_bits(shape: torch.Size) -> Tensor:
    """Uniform 16-bit integers, -2^15 to 2^15 - 1, from a stream that torch's default generator begins.

    The stream is NumPy's SFC64, twice as quick as torch's own draws, which a processor makes on one core alone.
    """
    count = shape.numel()
    begin = torch.empty(2, dtype=torch.int64).random_(-(1 << 63), None).numpy().view(np.uint32)
    words = np.random.SFC64(np.random.SeedSequence(begin.tolist())).random_raw((count + 3) // 4)
    return torch.from_numpy(words.view(np.int16))[:count].view(shape)


def level(p: float) -> int:
    """How many of the 2^16 values mean: dropped."""
    return round(p * LEVELS)


class _Dropped(torch.autograd.Function):
    """(x or None, inner, p) → x + Dropout(inner)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor | None, inner: Tensor, p: float) -> Tensor:
        ctx.largest_dropped, ctx.scale = level(p) - 1 - LEVELS // 2, LEVELS / (LEVELS - level(p))
        ctx.dtypes = (None if x is None else x.dtype, inner.dtype)
        bits = random_bits(inner.shape)
        ctx.save_for_backward(bits)
        survived = kept(inner, bits, ctx.largest_dropped)
        if x is None:
            return survived.mul_(ctx.scale).to(inner.dtype)
        return torch.add(x, survived, alpha=ctx.scale)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (bits,) = ctx.saved_tensors
        (gradient,) = outputs
        own, inner = ctx.dtypes
        of_inner = kept(gradient, bits, ctx.largest_dropped).mul_(ctx.scale).to(inner)
        return None if own is None else gradient.to(own), of_inner, None


def kept(values: Tensor, bits: Tensor, largest_dropped: int) -> Tensor:
    """The values whose bits are above `largest_dropped`, else 0, in at least float32.

    The rectifier's derivative does just this in one pass: its `self` is a number that decides, its `grad` what passes.
    """
    wide = values.float() if values.dtype in _HALF else values.contiguous()
    passed: Tensor = torch.ops.aten.threshold_backward(wide, bits.to(wide.dtype), largest_dropped)
    return passed
