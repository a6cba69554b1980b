"""LayerNorm(x + Dropout(inner)) as one operation with its gradient written out. Sections 3.1 and 5.4.

On GPUs it is a kernel of `triton_residual`; the rest of this module is for processors.

What it keeps are the mask's bits and the sum, in the rows' own type; masks are those of `dropout`. In bfloat16 the
random bits themselves are read as bfloat16 numbers, which lie in an order of their own: as many of them as are to be
dropped are below one threshold, so that nothing has to be converted.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

import torch
from torch import Tensor

from aat_plugin.architecture.dropout import LEVELS, kept, level, random_bits
from aat_plugin.architecture.precision import LayerNorm, has_kernels
from aat_plugin.architecture.ways import Ways

ON_GPU = (torch.float32, torch.bfloat16)
"""Types of rows that the kernels take."""
WIDEST = 8192
"""Of a row there, which one program holds whole."""
LARGEST = 0x7F80
"""Bits of bfloat16's infinity: with the sign, the first of all numbers in their order (what lies beyond are none)."""
SMALLEST = 0x0080
"""Bits of the smallest number that processors do not take for zero in any mode."""


def can_fuse(x: Tensor, p: float, ways: Ways) -> bool:
    """Whether `normalised_sum` takes x: with something to drop, and masks drawn as it draws them."""
    if not (ways.fused_residual and ways.quick_dropout and 0 < level(p) < LEVELS):
        return False
    if x.device.type == "cpu":
        return True
    return x.device.type == "cuda" and x.dtype in ON_GPU and x.size(-1) <= WIDEST and has_kernels()


def normalised_sum(x: Tensor, inner: Tensor, norm: LayerNorm, p: float) -> Tensor:
    """LayerNorm(x + Dropout(inner)), in x's type.

    Args:
        x: (..., d_model).
        inner: a sub-layer's output, of x's shape; if need be it is converted to x's type.
        norm: with scale and bias.
        p: P_drop.
    """
    normalised: Tensor = _operation(x).apply(x, inner, norm.weight, norm.bias, p, norm.eps)  # type: ignore[no-untyped-call]
    return normalised


def _operation(x: Tensor) -> type[torch.autograd.Function]:
    if x.device.type == "cpu":
        return _NormalisedSum
    from aat_plugin.architecture.triton_residual import NormalisedSum

    return NormalisedSum


class _NormalisedSum(torch.autograd.Function):
    """See `normalised_sum`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, inner: Tensor, weight: Tensor, bias: Tensor, p: float, eps: float) -> Tensor:
        bits = random_bits(inner.shape)
        ctx.level, ctx.scale, ctx.dtype = level(p), LEVELS / (LEVELS - level(p)), inner.dtype
        with torch.autocast(x.device.type, enabled=False):
            dropped = passed(inner.to(x.dtype), bits, ctx.level)
            summed = torch.add(x, dropped, alpha=ctx.scale, out=dropped)
            out, mean, rstd = torch.native_layer_norm(summed, [x.size(-1)], weight, bias, eps)
        ctx.save_for_backward(bits, summed, mean, rstd, weight, bias)
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        bits, summed, mean, rstd, weight, bias = ctx.saved_tensors
        of_sum, of_weight, of_bias = torch.ops.aten.native_layer_norm_backward(
            outputs[0].contiguous(), summed, [summed.size(-1)], mean, rstd, weight, bias, [True, True, True]
        )
        of_inner = passed(of_sum, bits, ctx.level).mul_(ctx.scale).to(ctx.dtype)
        return of_sum, of_inner, of_weight, of_bias, None, None


def passed(values: Tensor, bits: Tensor, dropped: int) -> Tensor:
    """The values that are not dropped, else 0, in the values' own type.

    Args:
        values: of any shape.
        bits: as `random_bits` draws them, of that shape.
        dropped: how many of the 2^16 patterns mean that a value is.
    """
    threshold = _threshold(dropped) if values.dtype is torch.bfloat16 else None
    if threshold is None:
        return kept(values, bits, dropped - 1 - LEVELS // 2).to(values.dtype)
    survived: Tensor = torch.ops.aten.threshold_backward(values, bits.view(torch.bfloat16), threshold)
    return survived


@cache
def _threshold(dropped: int) -> float | None:
    """The bfloat16 number that `dropped` bit patterns are not above, from minus infinity on; None past zero."""
    bits = LARGEST + 1 - dropped
    if bits < SMALLEST:
        return None
    number: float = struct.unpack("<f", struct.pack("<I", bits << 16))[0]
    return -number
