"""A padded batch's real tokens as the rows of one matrix, and attention between such rows. Sections 3.2.1 and 5.1.

Everything in a layer but attention looks at one position at a time, so padding need not be computed. Attention spreads
the rows into (batch · heads, length, d) a head at a time, in the copy that splitting heads costs anyway, and gathers
its result back into rows. Its gradient is written out here: that way scores are scaled inside their product, masks cost
one sum, and only the spread queries, keys and values and the weights are kept.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_HALF = (torch.float16, torch.bfloat16)


class Rows:
    """Where a batch's real tokens are.

    Args:
        padding_mask: (batch, length), True where padded.
        multiple: round the number of rows up to one of it with spare rows at the end, which stand for no token and
            whose gradient is zero throughout: oneDNN compiles a bfloat16 product for each number of rows anew, which
            takes longer than a small one itself.
    """

    def __init__(self, padding_mask: Tensor, multiple: int = 1) -> None:
        self.batch, self.length = padding_mask.shape
        real = ~padding_mask.flatten()
        self.real = real.nonzero().squeeze(1)
        """(real rows,): each row's place in batch · length."""
        self.spare = -self.real.numel() % multiple
        self.count = self.real.numel() + self.spare
        """rows."""
        self.row_of = (real.cumsum(0) - 1).clamp_(min=0)
        """(batch · length,): each place's row; some row or other where padded."""
        self.all_real = self.real.numel() == real.numel()
        self._indices: dict[tuple[str, int, int], Tensor] = {}

    def take(self, x: Tensor, spare: int = 0) -> Tensor:
        """(batch, length) → (rows,): the real ones, and the value `spare` for those that stand for none."""
        return F.pad(x.flatten().index_select(0, self.real), (0, self.spare), value=spare)

    def spread(self, x: Tensor) -> Tensor:
        """(rows, width) → (batch, length, width), zero where padded."""
        spread: Tensor = _Spread.apply(x, self)  # type: ignore[no-untyped-call]
        return spread

    def heads_of_places(self, heads: int, parts: int) -> Tensor:
        """For each (part, sentence, head, place), which of the (row, part, head) holds it; (parts · batch · …,)."""
        key = ("places", heads, parts)
        if key not in self._indices:
            row = self.row_of.view(1, self.batch, 1, self.length) * (parts * heads)
            part, head = self._numbers(parts, heads)
            self._indices[key] = (row + part.view(-1, 1, 1, 1) * heads + head.view(1, 1, -1, 1)).flatten()
        return self._indices[key]

    def places_of_heads(self, heads: int, parts: int) -> Tensor:
        """The other way: for each (real row, part, head), which (part, sentence, head, place) holds it."""
        key = ("heads", heads, parts)
        if key not in self._indices:
            sentence, place = self.real // self.length, self.real % self.length
            part, head = self._numbers(parts, heads)
            number = (part.view(1, -1, 1) * self.batch + sentence.view(-1, 1, 1)) * heads + head.view(1, 1, -1)
            self._indices[key] = (number * self.length + place.view(-1, 1, 1)).flatten()
        return self._indices[key]

    def _numbers(self, *counts: int) -> list[Tensor]:
        return [torch.arange(count, device=self.real.device) for count in counts]


class _Spread(torch.autograd.Function):
    """(rows, width) → (batch, length, width)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rows: Rows) -> Tensor:
        ctx.rows = rows
        out = x.index_select(0, rows.row_of)
        if not rows.all_real:
            out.index_fill_(0, _padded(rows), 0.0)
        return out.view(rows.batch, rows.length, -1)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor, None]:
        return _selected(outputs[0].flatten(0, 1), ctx.rows.real, ctx.rows.count), None


def _selected(x: Tensor, places: Tensor, count: int) -> Tensor:
    """x (…, width) at `places`, then zeros: (count, width)."""
    if places.numel() == count:
        return x.index_select(0, places)
    out = x.new_empty(count, x.size(1))
    out[places.numel() :] = 0.0
    torch.index_select(x, 0, places, out=out[: places.numel()])
    return out


def _padded(rows: Rows) -> Tensor:
    key = ("padded", 0, 0)
    if key not in rows._indices:
        real = torch.zeros(rows.batch * rows.length, dtype=torch.bool, device=rows.real.device)
        rows._indices[key] = (~real.index_fill_(0, rows.real, True)).nonzero().squeeze(1)
    return rows._indices[key]


def attend_rows(
    query: Tensor | None,
    packed: Tensor,
    queries: Rows,
    keys: Rows,
    heads: int,
    hidden: Tensor | None,
    *,
    narrow: bool = False,
) -> Tensor:
    """Section 3.2.1, Eq. 1 of all heads, between rows.

    Args:
        query: (rows of queries, heads · d); None where `packed` holds it too.
        packed: (rows of keys, 3 · heads · d) with queries, keys and values side by side, or keys and values alone.
        queries: where the queries lie.
        keys: where keys and values lie.
        heads: h.
        hidden: what is added to scores: 0, or -inf where illegal; broadcasts to (batch, heads, tgt_len, src_len).
        narrow: leave half-precision products in half precision, which pays where the processor has them for small
            matrices too (`precision.quick_small_products`); softmax is in float32 even so.

    Returns:
        (rows of queries, heads · d).
    """
    attended = _Attend.apply(query, packed, queries, keys, heads, hidden, narrow)  # type: ignore[no-untyped-call]
    mixed: Tensor = attended
    return mixed


class _Attend(torch.autograd.Function):
    """See `attend_rows`."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor | None,
        packed: Tensor,
        queries: Rows,
        keys: Rows,
        heads: int,
        hidden: Tensor | None,
        narrow: bool,
    ) -> Tensor:
        parts = 3 if query is None else 2
        d = packed.size(1) // (parts * heads)
        shape, inner = (keys.batch * heads, keys.length, d), _product_type(packed, narrow)
        with torch.autocast(packed.device.type, enabled=False):
            spread = packed.reshape(-1, d).index_select(0, keys.heads_of_places(heads, parts)).to(inner)
            spread = spread.view(parts, *shape)
            if query is None:
                q = spread[0]
            else:
                q = query.view(-1, d).index_select(0, queries.heads_of_places(heads, 1)).to(inner)
                q = q.view(queries.batch * heads, queries.length, d)
            weights = _weights(q, spread[-2], heads, hidden)
            mixed = torch.bmm(weights, spread[-1])
        ctx.save_for_backward(q, spread, weights)
        ctx.places = (queries, keys, heads, parts)
        ctx.dtype = packed.dtype
        return _as_rows(mixed, queries, heads, 1).to(packed.dtype)

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        q, spread, weights = ctx.saved_tensors
        queries, keys, heads, parts = ctx.places
        key, value, scale = spread[-2], spread[-1], 1.0 / math.sqrt(q.size(2))
        of_mixed = _padded_with_zero(outputs[0].to(q.dtype), queries, heads).view(q.size(0), q.size(1), -1)
        with torch.autocast(q.device.type, enabled=False):
            gradients = torch.empty_like(spread)
            torch.bmm(weights.transpose(1, 2), of_mixed, out=gradients[-1])
            of_weights = _wide(torch.bmm(of_mixed, value.transpose(1, 2)))
            of_scores = torch._softmax_backward_data(of_weights, _wide(weights), -1, of_weights.dtype).to(q.dtype)
            _scaled_product(of_scores.transpose(1, 2), q, scale, gradients[-2])
            of_query = gradients[0] if parts == 3 else torch.empty_like(q)
            _scaled_product(of_scores, key, scale, of_query)
        of_packed = _as_rows(gradients, keys, heads, parts).to(ctx.dtype)
        own = None if parts == 3 else _as_rows(of_query, queries, heads, 1).to(ctx.dtype)
        return own, of_packed, None, None, None, None, None


def _product_type(x: Tensor, narrow: bool) -> torch.dtype:
    """At least float32, unless `narrow`: half-precision products of short sentences are slower on most processors."""
    return torch.promote_types(x.dtype, torch.float32) if not narrow else x.dtype


def _wide(x: Tensor) -> Tensor:
    """At least float32, which softmax needs."""
    return x.float() if x.dtype in _HALF else x


def _weights(query: Tensor, key: Tensor, heads: int, hidden: Tensor | None) -> Tensor:
    """softmax(Q K^T / sqrt(d_k)), in the type of Q: (batch · heads, tgt_len, src_len)."""
    narrow = query.new_empty(query.size(0), query.size(1), key.size(1))
    _scaled_product(query, key.transpose(1, 2), 1.0 / math.sqrt(query.size(2)), narrow)
    scores = _wide(narrow)
    if hidden is not None:
        scores.view(-1, heads, scores.size(1), scores.size(2)).add_(hidden)
    return torch.softmax(scores, dim=-1).to(query.dtype)


def _scaled_product(left: Tensor, right: Tensor, scale: float, out: Tensor) -> None:
    """out = scale · left right; what `out` held before is not read."""
    torch.baddbmm(out, left, right, beta=0.0, alpha=scale, out=out)


def _as_rows(spread: Tensor, rows: Rows, heads: int, parts: int) -> Tensor:
    """(parts · batch · heads, length, d) → (rows, parts · heads · d)."""
    d = spread.size(-1)
    places = rows.places_of_heads(heads, parts)
    return _selected(spread.view(-1, d), places, rows.count * parts * heads).view(-1, parts * heads * d)


def _padded_with_zero(x: Tensor, rows: Rows, heads: int) -> Tensor:
    """(rows, heads · d) → (batch · heads · length, d), zero where padded, for what padding received reaches keys."""
    d = x.size(1) // heads
    x = x[: rows.real.numel()]
    if rows.all_real:
        return x.reshape(-1, d).index_select(0, rows.heads_of_places(heads, 1))
    out = x.new_zeros(rows.batch * heads * rows.length, d)
    return out.index_copy_(0, rows.places_of_heads(heads, 1), x.reshape(-1, d))
