"""The operations that need more than half precision: softmax (Eq. 1) and layer normalisation (Section 3.1).

They run in at least float32, and float64 stays float64, so that `model.double()` is exact and a half-precision model
loses nothing here.
"""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HALF = (torch.float16, torch.bfloat16)
NUMBERS_AT_ONCE = 300_000
"""In `read`, for each thread: so many logits stay in a core's cache."""
LOG2_E = math.log2(math.e)
"""e^x is taken as 2^(x · log2 e): torch's exponentials of e are MKL's, which take three times as long as those of 2 on
a processor that is not Intel's (291,360 numbers on one core of an EPYC: 240 and 83 microseconds)."""
SHORTEST = 16
"""Numbers in a row from which on softmax is quick on a processor: rows shorter than a vector register are taken one
number at a time, fifteen times slower (measured with AVX-512)."""
MANY = 4_096
"""Numbers for which it pays to fill rows up."""
PLAIN_EXPONENTIALS = (-30.0, 80.0)
"""Between these a log-sum-exp is exact without taking the largest off first: nothing overflows, and what underflows is
less than e^-40 of it."""


@cache
def quick_small_products() -> bool:
    """Whether the processor's bfloat16 products are quicker for matrices of a sentence's size too.

    Measured at 1,216 times (32, 64) (64, 32) on one core of a Xeon with AMX: 0.8 ms, in float32 1.6 ms; at 1,088 times
    (30, 64) (64, 30) on one of an EPYC with AVX-512 bf16 alone: 2.3 ms, in float32 5.9 ms.
    """
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(found.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


@cache
def has_kernels() -> bool:
    """Whether Triton is there, for our own kernels on GPUs."""
    return importlib.util.find_spec("triton") is not None


def softmax(scores: Tensor) -> Tensor:
    """softmax over the last dimension, in at least float32, returned in the input's type.

    Args:
        scores: (..., classes).
    """
    if scores.dtype in _HALF and not scores.is_cuda:  # there torch's kernel widens inside
        return F.softmax(scores, dim=-1, dtype=torch.float32).type_as(scores)
    return F.softmax(scores, dim=-1)


def softmax_of_many(scores: Tensor) -> Tensor:
    """As `softmax`, quick for many rows that are shorter than `SHORTEST` too, for which they are filled up.

    Args:
        scores: (..., classes).
    """
    classes = scores.size(-1)
    if classes >= SHORTEST or scores.device.type != "cpu" or scores.numel() < MANY:
        return softmax(scores)
    return softmax(F.pad(scores, (0, SHORTEST - classes), value=-math.inf))[..., :classes]


def log_softmax(scores: Tensor) -> Tensor:
    """log softmax over the last dimension in at least float32; half-precision input comes back as float32.

    Args:
        scores: (..., classes).
    """
    return F.log_softmax(scores, dim=-1, dtype=torch.float32 if scores.dtype in _HALF else None)


class Read(NamedTuple):
    """What a search wants to know of logits (rows, classes)."""

    log_normalizer: Tensor
    """(rows,): log-sum-exp, in at least float32."""
    largest: Tensor | None
    """(rows, classes // block): the largest of each block, in the same type; None where it is not known."""


def log_normalizer(logits: Tensor) -> Tensor:
    """log-sum-exp over the last dimension in at least float32: what turns a logit into its log-probability.

    Args:
        logits: (rows, classes), each row with a finite largest.

    Returns:
        (rows,).
    """
    if logits.is_cuda and logits.dtype in _HALF and has_kernels():
        from aat_plugin.architecture.triton_logsumexp import row_logsumexp

        return row_logsumexp(logits)
    if logits.device.type != "cpu":
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).logsumexp(dim=1)
    return read(logits, logits.size(1)).log_normalizer


def read(logits: Tensor, block: int) -> Read:
    """The log-sum-exp of each row and the largest of its blocks of `block` classes.

    On a processor both from one look at a few rows, which stay in its cache, and without taking the largest off where
    that changes nothing; what is left behind the last whole block is in none. Elsewhere only the first.

    Args:
        logits: (rows, classes), each row with a finite largest.
        block: any number from 1 on.
    """
    if logits.device.type != "cpu":
        return Read(log_normalizer(logits), None)
    rows, classes = logits.shape
    blocks, wide = classes // block, torch.promote_types(logits.dtype, torch.float32)
    sums, best = logits.new_empty(rows, dtype=wide), logits.new_empty((rows, blocks), dtype=wide)
    at_once = min(rows, max(1, NUMBERS_AT_ONCE // classes) * torch.get_num_threads())
    room = logits.new_empty((at_once, classes), dtype=wide)
    for first in range(0, rows, at_once):
        piece = logits[first : first + at_once]
        part = room[: piece.size(0)]
        seen = piece if logits.dtype == wide else part.copy_(piece)
        grouped = seen[:, : blocks * block].view(seen.size(0), blocks, block)
        torch.amax(grouped, dim=2, out=best[first : first + at_once])
        torch.sum(torch.mul(seen, LOG2_E, out=part).exp2_(), dim=1, out=sums[first : first + at_once])
    sums.log_()
    low, high = PLAIN_EXPONENTIALS
    if not bool(((sums > low) & (sums < high)).all()):
        for first in range(0, rows, at_once):
            piece = logits[first : first + at_once]
            part = room[: piece.size(0)].copy_(piece)
            largest = part.amax(dim=1)
            shifted = part.sub_(largest.unsqueeze(1)).exp_().sum(dim=1)
            torch.add(shifted.log_(), largest, out=sums[first : first + at_once])
    return Read(sums, best)


def normalised(x: Tensor, norm: LayerNorm) -> Tensor:
    """norm(x) for decoding, in x's type: computed in float32, where torch does so inside without casts of its own.

    Args:
        x: (..., d_model), in the type of the norm's weights or in bfloat16.
        norm: whose weights.
    """
    if x.is_cuda and norm.weight.dtype == x.dtype:  # there torch's kernel widens inside
        return torch.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    if x.device.type != "cpu" or norm.weight.dtype in _HALF:
        whole: Tensor = norm(x)
        return whole.type_as(x)
    return torch.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def in_type(norm: LayerNorm, dtype: torch.dtype) -> LayerNorm:
    """A norm for decoding on a GPU: a copy with scale and bias in the type of what it is given."""
    found = LayerNorm(norm.normalized_shape[0], norm.eps).to(norm.weight.device, dtype)
    with torch.no_grad():
        found.weight.copy_(norm.weight)
        found.bias.copy_(norm.bias)
    return found.requires_grad_(False)


class LayerNorm(nn.LayerNorm):
    """Layer normalisation with scale and bias (Ba et al. 2016), computed in at least float32.

    Args:
        d_model: width of the last dimension.
        eps: added to the biased variance.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__(d_model, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (..., d_model) over its last dimension."""
        if x.dtype not in _HALF:
            return super().forward(x)
        normalised = F.layer_norm(x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps)
        return normalised.type_as(x)
