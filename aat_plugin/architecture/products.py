"""Matrix products x W^T + b of weights that stay as they are, in float32, bfloat16 or 8-bit integers: for decoding.

The paper says nothing of precision. bfloat16: input and weights rounded, sums in float32 inside the product. int8: each
row of W is scaled by its own largest value, the input by each call's, and sums are exact integers. Weights are laid out
once as the processor's kernels read them, where torch can. Read `packed` next.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Product = Callable[[Tensor], Tensor]
INT8_ENGINES = ("onednn", "x86", "fbgemm", "qnnpack")
"""torch's kernels for int8, the quickest first where measured."""
ROWS = 64
"""Of an input, for which bfloat16 weights are laid out; any other number works."""


def product(
    weight: Tensor, bias: Tensor | None, precision: str, *, relu: bool = False, rough: bool = False
) -> Product:
    """x (…, inputs) → x W^T + b (…, outputs), in the type of `weight`.

    Args:
        weight: (outputs, inputs); copied where the precision is not its own.
        bias: (outputs,).
        precision: "float32" for the weight's own type, "bf16" or "int8".
        relu: take max(0, ·) of it.
        rough: leave the result in bfloat16 where that is what the product gives, for another product to take.
    """
    if precision == "int8":
        return _int8(weight, bias, relu)
    if precision == "float32" or weight.dtype is torch.bfloat16:
        return _plain(weight, bias, relu)
    inner = _bf16(weight.bfloat16(), None if bias is None else bias.bfloat16(), relu)
    own = weight.dtype
    return inner if rough else lambda x: inner(x).to(own)


def _plain(weight: Tensor, bias: Tensor | None, relu: bool) -> Product:
    if relu:
        return lambda x: F.linear(x, weight, bias).relu_()
    return lambda x: F.linear(x, weight, bias)


def _bf16(weight: Tensor, bias: Tensor | None, relu: bool) -> Product:
    """Of bfloat16 weights; any input, a bfloat16 result."""
    if not packs(weight.device):
        inner = _plain(weight, bias, relu)
        return lambda x: inner(x.bfloat16())
    # F.linear would lay the weights out anew at each call: at V = 37,000 half of a small batch's time.
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    linear, after = torch.ops.mkldnn._linear_pointwise, "relu" if relu else "none"
    return lambda x: linear(x.bfloat16(), laid_out, bias, after, [], "")


def packs(device: torch.device) -> bool:
    """Whether torch can lay bfloat16 weights out for its kernels beforehand."""
    if device.type != "cpu":
        return False
    wanted = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
    if not all(hasattr(torch.ops.mkldnn, name) for name in wanted):
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def int8_engine() -> str | None:
    """The quickest of torch's int8 kernels here, or None where it has none."""
    there = torch.backends.quantized.supported_engines
    return next((name for name in INT8_ENGINES if name in there), None)


def _int8(weight: Tensor, bias: Tensor | None, relu: bool) -> Product:
    engine = int8_engine()
    assert engine is not None, "asked for by bindings.precision, which falls back"
    own = weight.dtype
    scales = weight.float().abs().amax(dim=1).div(127.0).clamp(min=torch.finfo(torch.float32).tiny)
    zeros = torch.zeros(weight.size(0), dtype=torch.int64)
    before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = engine  # decides how the weight is laid out; a call needs it no more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces another interface for it
            rough = torch.quantize_per_channel(weight.float(), scales, zeros, 0, torch.qint8)
            packed = torch.ops.quantized.linear_prepack(rough, None if bias is None else bias.float())
    finally:
        torch.backends.quantized.engine = before
    narrow = engine == "fbgemm"  # its sums of two products saturate at 16 bits
    linear = torch.ops.quantized.linear_relu_dynamic if relu else torch.ops.quantized.linear_dynamic
    return lambda x: linear(x.float(), packed, narrow).to(own)
