"""LayerNorm(x + Dropout(inner)) as one kernel forward and one backward, on GPUs. Sections 3.1 and 5.4.

In plain torch this is five passes over memory forward and eight backward, and the mask is kept. Here each number is
read once and written once, sums are in float32, and the mask is drawn again in the backward pass from the same seed,
which torch's generator gives. Imported only where Triton is, which comes with torch for CUDA.
"""

# Triton has no types, and is not installed beside torch for processors.
# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def, import-not-found, import-untyped"
# mypy: disable-error-code="untyped-decorator, attr-defined"

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

PROGRAMS = 528
"""At most, in the backward pass, each of which sums its rows' part of the scale's and the bias's gradient."""


@triton.jit(do_not_specialize=["seed"])
def _forward(x, inner, weight, bias, out, total, mean, rstd, seed, p, eps, width: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0)
    column = tl.arange(0, block)
    inside = column < width
    place = row.to(tl.int64) * width + column
    one = tl.load(x + place, mask=inside, other=0.0).to(tl.float32)
    two = tl.load(inner + place, mask=inside, other=0.0).to(tl.float32)
    kept = tl.rand(seed, place.to(tl.int32)) >= p
    rounded = (one + tl.where(kept, two / (1.0 - p), 0.0)).to(total.dtype.element_ty)
    tl.store(total + place, rounded, mask=inside)
    summed = rounded.to(tl.float32)
    centre = tl.sum(summed, axis=0) / width
    centred = tl.where(inside, summed - centre, 0.0)
    scale = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=0) / width + eps)
    gain = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32)
    shift = tl.load(bias + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + place, (centred * scale * gain + shift).to(out.dtype.element_ty), mask=inside)
    tl.store(mean + row, centre)
    tl.store(rstd + row, scale)


@triton.jit(do_not_specialize=["seed", "rows"])
def _backward(
    of_out, total, weight, mean, rstd, of_x, of_inner, of_weight, of_bias, seed, p, rows,
    width: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    program, programs = tl.program_id(0), tl.num_programs(0)
    column = tl.arange(0, block)
    inside = column < width
    gain = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32)
    of_gain = tl.zeros([block], dtype=tl.float32)
    of_shift = tl.zeros([block], dtype=tl.float32)
    for turn in range(0, tl.cdiv(rows, programs)):
        row = program + turn * programs
        wanted = inside & (row < rows)
        place = row.to(tl.int64) * width + column
        gradient = tl.load(of_out + place, mask=wanted, other=0.0).to(tl.float32)
        summed = tl.load(total + place, mask=wanted, other=0.0).to(tl.float32)
        scale = tl.load(rstd + row, mask=row < rows, other=0.0)
        centre = tl.load(mean + row, mask=row < rows, other=0.0)
        normal = tl.where(wanted, (summed - centre) * scale, 0.0)
        of_gain += gradient * normal
        of_shift += gradient
        weighted = gradient * gain
        along = tl.sum(weighted * normal, axis=0) / width
        level = tl.sum(weighted, axis=0) / width
        of_sum = (weighted - normal * along - level) * scale
        tl.store(of_x + place, of_sum.to(of_x.dtype.element_ty), mask=wanted)
        kept = tl.rand(seed, place.to(tl.int32)) >= p
        passed = tl.where(kept, of_sum / (1.0 - p), 0.0)
        tl.store(of_inner + place, passed.to(of_inner.dtype.element_ty), mask=wanted)
    own = program * width + column
    tl.store(of_weight + own, of_gain, mask=inside)
    tl.store(of_bias + own, of_shift, mask=inside)


class NormalisedSum(torch.autograd.Function):
    """(x, inner, weight, bias, p, eps) → LayerNorm(x + Dropout(inner)) in x's type; see `residual.normalised_sum`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, inner: Tensor, weight: Tensor, bias: Tensor, p: float, eps: float) -> Tensor:
        x, inner = x.contiguous(), inner.contiguous()
        width = x.size(-1)
        rows = x.numel() // width
        # The host's generator: torch seeds it with the device's, and to read it nobody waits.
        ctx.seed = int(torch.randint(1 << 31, (), device="cpu"))
        out, total = torch.empty_like(x), torch.empty_like(x)
        mean, rstd = torch.empty(2, rows, dtype=torch.float32, device=x.device).unbind(0)
        block = triton.next_power_of_2(width)
        _forward[(rows,)](x, inner, weight, bias, out, total, mean, rstd, ctx.seed, p, eps, width, block,
                          num_warps=_warps(block))  # fmt: skip
        ctx.save_for_backward(total, weight, mean, rstd)
        ctx.p, ctx.inner_type = p, inner.dtype
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        total, weight, mean, rstd = ctx.saved_tensors
        of_out = outputs[0].contiguous()
        width = total.size(-1)
        rows = total.numel() // width
        of_x, of_inner = torch.empty_like(total), torch.empty_like(total, dtype=ctx.inner_type)
        programs, block = min(rows, PROGRAMS), triton.next_power_of_2(width)
        parts = torch.empty(2, programs, width, dtype=torch.float32, device=total.device)
        _backward[(programs,)](of_out, total, weight, mean, rstd, of_x, of_inner, parts[0], parts[1], ctx.seed, ctx.p,
                               rows, width, block, num_warps=_warps(block))  # fmt: skip
        of_weight, of_bias = parts.sum(dim=1).to(weight.dtype).unbind(0)
        return of_x, of_inner, of_weight, of_bias, None, None


def _warps(block: int) -> int:
    """Of a program: a warp for every 256 numbers."""
    return min(16, max(1, block // 256))
