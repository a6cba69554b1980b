"""Matrix products x W^T + b of weights that stay as they are, in float32, bfloat16 or 8-bit integers: for decoding.

The paper says nothing of precision. bfloat16: input and weights rounded, sums in float32 inside the product. int8: each
row of W is scaled by its own largest value, the input by each call's, and sums are exact integers. Read `packed` next.
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


def product(weight: Tensor, bias: Tensor | None, precision: str) -> Product:
    """x (…, inputs) → x W^T + b (…, outputs), in the type of `weight`.

    Args:
        weight: (outputs, inputs); copied where the precision is not its own.
        bias: (outputs,).
        precision: "float32" for the weight's own type, "bf16" or "int8".
    """
    if precision == "int8":
        return _int8(weight, bias)
    if precision == "float32" or weight.dtype is torch.bfloat16:
        return lambda x: F.linear(x, weight, bias)
    own = weight.dtype
    rough, rough_bias = weight.bfloat16(), None if bias is None else bias.bfloat16()
    return lambda x: F.linear(x.bfloat16(), rough, rough_bias).to(own)


def int8_engine() -> str | None:
    """The quickest of torch's int8 kernels here, or None where it has none."""
    there = torch.backends.quantized.supported_engines
    return next((name for name in INT8_ENGINES if name in there), None)


def _int8(weight: Tensor, bias: Tensor | None) -> Product:
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
    return lambda x: torch.ops.quantized.linear_dynamic(x.float(), packed, narrow).to(own)
