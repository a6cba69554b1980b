"""Eq. 1 inside short sentences, one program a sentence and head, on GPUs in half precision. Section 3.2.1.

A sentence of translation fits whole into a program: flash attention's kernels, made for long ones, work on tiles of 128
places and take five times as long. Here queries, keys and values are read once where the projections wrote them and
gradients are written where theirs will be read; scores are never in memory. Imported only where Triton is.
"""

# Triton has no types, and is not installed beside torch for processors.
# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def, import-not-found, import-untyped"
# mypy: disable-error-code="untyped-decorator, attr-defined"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from torch import Tensor

if TYPE_CHECKING:
    from aat_plugin.architecture.segments import Segments


@triton.jit
def _weights(query, key, first, number, queries, keys, scale, causal: tl.constexpr):
    """softmax(Q Kᵀ · scale) over the keys from `first` on, (queries, keys); of no meaning where a query sees none."""
    seen = (keys >= first) & (keys < first + number)
    legal = (queries[:, None] >= keys[None, :]) & seen[None, :] if causal else seen[None, :] & (queries[:, None] >= 0)
    scores = tl.where(legal, tl.dot(query, tl.trans(key)) * scale, float("-inf"))
    largest = tl.max(scores, axis=1)
    largest = tl.where(largest == float("-inf"), 0.0, largest)
    powers = tl.exp(scores - largest[:, None])
    sums = tl.sum(powers, axis=1)
    return powers / tl.where(sums == 0.0, 1.0, sums)[:, None]


@triton.jit(do_not_specialize=["query_length", "key_length"])
def _forward(
    query, key, value, out, query_first, query_number, key_first, key_number, query_stride, key_stride, out_stride,
    query_length, key_length, scale, causal: tl.constexpr, d: tl.constexpr, query_block: tl.constexpr,
    key_block: tl.constexpr,
):  # fmt: skip
    sentence, head = tl.program_id(0), tl.program_id(1)
    queries, keys, inner = tl.arange(0, query_block), tl.arange(0, key_block), head * d + tl.arange(0, d)
    first, number = tl.load(key_first + sentence), tl.load(key_number + sentence)
    own_first, own_number = tl.load(query_first + sentence), tl.load(query_number + sentence)
    real = (queries >= own_first) & (queries < own_first + own_number)
    seen = (keys >= first) & (keys < first + number)
    row = (sentence * query_length + queries).to(tl.int64)
    key_row = (sentence * key_length + keys).to(tl.int64)
    q = tl.load(query + row[:, None] * query_stride + inner[None, :], mask=real[:, None], other=0.0)
    k = tl.load(key + key_row[:, None] * key_stride + inner[None, :], mask=seen[:, None], other=0.0)
    v = tl.load(value + key_row[:, None] * key_stride + inner[None, :], mask=seen[:, None], other=0.0)
    weights = _weights(q, k, first, number, queries, keys, scale, causal)
    mixed = tl.where(real[:, None], tl.dot(weights.to(v.dtype), v), 0.0)
    inside = queries < query_length
    tl.store(out + row[:, None] * out_stride + inner[None, :], mixed.to(out.dtype.element_ty), mask=inside[:, None])


@triton.jit(do_not_specialize=["query_length", "key_length"])
def _backward(
    query, key, value, of_out, of_query, of_key, of_value, query_first, query_number, key_first, key_number,
    query_stride, key_stride, out_stride, query_length, key_length, scale, causal: tl.constexpr, d: tl.constexpr,
    query_block: tl.constexpr, key_block: tl.constexpr,
):  # fmt: skip
    sentence, head = tl.program_id(0), tl.program_id(1)
    queries, keys, inner = tl.arange(0, query_block), tl.arange(0, key_block), head * d + tl.arange(0, d)
    first, number = tl.load(key_first + sentence), tl.load(key_number + sentence)
    own_first, own_number = tl.load(query_first + sentence), tl.load(query_number + sentence)
    real = (queries >= own_first) & (queries < own_first + own_number)
    seen = (keys >= first) & (keys < first + number)
    row = (sentence * query_length + queries).to(tl.int64)
    key_row = (sentence * key_length + keys).to(tl.int64)
    at_query = row[:, None] * query_stride + inner[None, :]
    at_key = key_row[:, None] * key_stride + inner[None, :]
    q = tl.load(query + at_query, mask=real[:, None], other=0.0)
    k = tl.load(key + at_key, mask=seen[:, None], other=0.0)
    v = tl.load(value + at_key, mask=seen[:, None], other=0.0)
    gradient = tl.load(of_out + row[:, None] * out_stride + inner[None, :], mask=real[:, None], other=0.0)
    weights = tl.where(real[:, None], _weights(q, k, first, number, queries, keys, scale, causal), 0.0)
    of_weights = tl.dot(gradient, tl.trans(v))
    along = tl.sum(weights * of_weights, axis=1)
    of_scores = (weights * (of_weights - along[:, None]) * scale).to(q.dtype)
    inside, key_inside = queries < query_length, keys < key_length
    of_q = tl.dot(of_scores, k)
    tl.store(of_query + at_query, of_q.to(of_query.dtype.element_ty), mask=inside[:, None])
    of_k = tl.dot(tl.trans(of_scores), q)
    tl.store(of_key + at_key, of_k.to(of_key.dtype.element_ty), mask=key_inside[:, None])
    of_v = tl.dot(tl.trans(weights.to(q.dtype)), gradient)
    tl.store(of_value + at_key, of_v.to(of_value.dtype.element_ty), mask=key_inside[:, None])


class AttendShort(torch.autograd.Function):
    """(query or None, packed, queries, keys, heads, causal) → (rows of queries, heads · d): see `attend_segments`."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor | None, packed: Tensor, queries: Segments, keys: Segments, heads: int, causal: bool
    ) -> Tensor:
        parts = 3 if query is None else 2
        width = packed.size(1) // parts
        source = packed if query is None else query
        out = source.new_empty(source.size(0), width)
        ctx.call = (queries, keys, heads, causal, parts, width)
        _launch(_forward, source, packed, [out], out, ctx.call)
        ctx.save_for_backward(source, packed)
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        source, packed = ctx.saved_tensors
        parts, width = ctx.call[4:]
        of_packed = torch.empty_like(packed)
        of_query = of_packed if parts == 3 else torch.empty_like(source)
        at = width * (parts - 2)
        gradient = outputs[0].contiguous()
        written = [of_query, of_packed[:, at:], of_packed[:, at + width :]]
        _launch(_backward, source, packed, [gradient, *written], gradient, ctx.call)
        return (None if parts == 3 else of_query), of_packed, None, None, None, None


def _launch(kernel: Any, source: Tensor, packed: Tensor, more: list[Tensor], out: Tensor, call: Any) -> None:
    """One program a sentence and head; `source` holds the queries, `packed` ends in keys and values."""
    queries, keys, heads, causal, parts, width = call
    at = width * (parts - 2)
    blocks = [max(16, triton.next_power_of_2(one.length)) for one in (queries, keys)]
    kernel[(queries.batch, heads)](
        source, packed[:, at:], packed[:, at + width :], *more, queries.first, queries.number, keys.first, keys.number,
        source.stride(0), packed.stride(0), out.stride(0), queries.length, keys.length, (width // heads) ** -0.5,
        causal, width // heads, *blocks, num_warps=4 if max(blocks) <= 64 else 8,
    )  # fmt: skip
