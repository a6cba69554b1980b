"""Matrix products x W^T + b of weights that stay as they are, in float32, bfloat16 or 8-bit integers: for decoding.

The paper says nothing of precision. bfloat16: input and weights rounded, sums in float32 inside the product. int8: each
row of W is scaled by its own largest value, the input by each call's, and sums are exact integers: where the processor
adds two products in 16 bits, which cannot hold two of 255 · 127, weights keep 7 bits. Weights are laid out once as the
processor's kernels read them, where torch can. Read `packed` next.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F


class Product(Protocol):
    """x (…, inputs) → x W^T + b (…, outputs), or max(0, ·) of it, in `working_type`."""

    def __call__(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """Multiply, and add `onto` (…, outputs) of the same type, a residual; not after max(0, ·)."""
        ...


INT8_ENGINES = ("onednn", "x86", "fbgemm", "qnnpack")
"""torch's kernels for int8, the quickest first where measured."""
LARGEST, SMALLER = 127, 63
"""Of int8 weights; 2 · 255 · 63 fits into 16 bits with a sign."""
ROWS = 64
"""Of an input, for which bfloat16 weights are laid out; any other number works."""
WIDE, ALIGNED = 1_024, 64
"""bfloat16 weights with more than `WIDE` outputs are filled up to a multiple of `ALIGNED`: where a row of what is given
is no whole number of a processor's cache lines, it takes up to twice as long (2,048 rows, 128 inputs, one core of a
Xeon with AMX: 22 ms for 9,712 outputs, 12 ms for 9,728)."""


def working_type(own: torch.dtype, precision: str) -> torch.dtype:
    """What products of weights of type `own` give, and are best given, in a precision."""
    return torch.bfloat16 if precision == "bf16" else own


def product(weight: Tensor, bias: Tensor | None, precision: str, *, relu: bool = False) -> Product:
    """The product with some weights.

    Args:
        weight: (outputs, inputs); copied where the precision is not its own.
        bias: (outputs,).
        precision: "float32" for the weight's own type, "bf16" or "int8".
        relu: take max(0, ·) of it.
    """
    if precision == "int8":
        return _int8(weight, bias, relu)
    if precision == "float32":
        return _plain(weight, bias, relu)
    rough, rough_bias = weight.bfloat16(), None if bias is None else bias.bfloat16()
    return (_laid_out if packs(weight.device) else _plain)(rough, rough_bias, relu)


def _plain(weight: Tensor, bias: Tensor | None, relu: bool) -> Product:
    def multiply(x: Tensor, onto: Tensor | None = None) -> Tensor:
        found = F.linear(x.to(weight.dtype), weight, bias)
        return _finished(found, onto, relu)

    return multiply


def _finished(found: Tensor, onto: Tensor | None, relu: bool) -> Tensor:
    found = found.relu_() if relu else found
    return found if onto is None else found.add_(onto)


def _laid_out(weight: Tensor, bias: Tensor | None, relu: bool) -> Product:
    """Of bfloat16 weights; F.linear would lay them out anew each time: half of a small batch's time at V = 37,000.

    What it gives has rows that lie apart in memory where outputs were filled up.
    """
    outputs = weight.size(0)
    spare = -outputs % ALIGNED if outputs > WIDE else 0
    weight, bias = F.pad(weight, (0, 0, 0, spare)), None if bias is None else F.pad(bias, (0, spare))
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    linear, added = torch.ops.mkldnn._linear_pointwise.default, torch.ops.mkldnn._linear_pointwise.binary
    after = "relu" if relu else "none"

    def multiply(x: Tensor, onto: Tensor | None = None) -> Tensor:
        if onto is None:
            found = linear(x.bfloat16(), laid_out, bias, after, [], "")
            return found[..., :outputs] if spare else found  # type: ignore[no-any-return]
        if spare:
            return multiply(x).add_(onto)
        return added(x.bfloat16(), onto, laid_out, bias, "add")  # type: ignore[no-any-return]

    return multiply


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
    own, packed = weight.dtype, _in_8_bits(weight, bias, engine, SMALLER if sums_overflow(engine) else LARGEST)
    linear = (torch.ops.quantized.linear_relu_dynamic if relu else torch.ops.quantized.linear_dynamic).default

    def multiply(x: Tensor, onto: Tensor | None = None) -> Tensor:
        return _finished(linear(x.float(), packed, False).to(own), onto, False)

    return multiply


@cache
def sums_overflow(engine: str) -> bool:
    """Whether a kernel for int8 adds two products in 16 bits here (x86 without VNNI), by the largest that there are."""
    wide = 64
    found = torch.ops.quantized.linear_dynamic(
        torch.ones(8, wide), _in_8_bits(torch.ones(wide, wide), None, engine, LARGEST), False
    )
    return bool((found < 0.9 * wide).any())


def _in_8_bits(weight: Tensor, bias: Tensor | None, engine: str, largest: int) -> Any:
    """Weights (outputs, inputs) from -largest to largest, laid out for one of torch's kernels."""
    scales = weight.float().abs().amax(dim=1).div(largest).clamp(min=torch.finfo(torch.float32).tiny)
    zeros = torch.zeros(weight.size(0), dtype=torch.int64)
    before = torch.backends.quantized.engine
    try:
        torch.backends.quantized.engine = engine  # decides how the weight is laid out; a call needs it no more
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces another interface for it
            rough = torch.quantize_per_channel(weight.float(), scales, zeros, 0, torch.qint8)
            return torch.ops.quantized.linear_prepack(rough, None if bias is None else bias.float())
    finally:
        torch.backends.quantized.engine = before
