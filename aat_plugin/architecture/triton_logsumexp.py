"""log-sum-exp of each row of half-precision logits in one pass over them, on GPUs. Section 3.4's softmax in decoding.

torch widens the logits first and goes over them five times. Imported only where Triton is.
"""

# Triton has no types, and is not installed beside torch for processors.
# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def, import-not-found, import-untyped"
# mypy: disable-error-code="untyped-decorator, attr-defined"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 4096
"""Logits that a program takes at a time."""


@triton.jit
def _kernel(logits, out, stride, classes, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, block)
    largest = tl.full([block], float("-inf"), dtype=tl.float32)
    sums = tl.zeros([block], dtype=tl.float32)
    for start in range(0, classes, block):
        inside = column + start < classes
        one = tl.load(logits + row * stride + start + column, mask=inside, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(largest, one)
        base = tl.where(higher == float("-inf"), 0.0, higher)
        sums = sums * tl.exp(largest - base) + tl.exp(one - base)
        largest = higher
    most = tl.max(largest, axis=0)
    tl.store(out + row, most + tl.log(tl.sum(sums * tl.exp(largest - most), axis=0)))


def row_logsumexp(logits: Tensor) -> Tensor:
    """log Σ exp of each row, in float32.

    Args:
        logits: (rows, V), each row with a finite largest.

    Returns:
        (rows,).
    """
    out = torch.empty(logits.size(0), dtype=torch.float32, device=logits.device)
    _kernel[(logits.size(0),)](logits, out, logits.stride(0), logits.size(1), BLOCK, num_warps=8)
    return out
