"""Attention between a padded batch's places without masks in memory, on GPUs in half precision. Section 3.2.1.

The batch is laid out as the rows of one matrix, padding included: length batching leaves a percent or three of it, and
to know how many tokens are real the host would have to wait for the device. Short sentences go through a kernel of our
own (`triton_attention`), long ones through torch's flash kernel. For that each sentence is three segments, padding on
its left, its tokens and padding on its right, two of them empty as a rule, and a segment's queries see the keys of the
same segment alone: padding attends to padding, or to nothing and gets zeros, and nobody reads it.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.precision import has_kernels

WIDEST_HEAD = 256
"""Of the kernel; widths are multiples of `HEAD_STEP`."""
HEAD_STEP = 8
SHORT = 128
"""Places of a sentence up to which our own kernel is taken."""
SHORT_HEADS = (16, 32, 64, 128)
"""Widths of a head that it knows."""
_HALF = (torch.float16, torch.bfloat16)


class Segments:
    """Where a padded batch's segments are, counted on the device.

    Args:
        padding_mask: (batch, length), True where padded; each row's real places lie together.
    """

    def __init__(self, padding_mask: Tensor) -> None:
        self.batch, self.length = padding_mask.shape
        real = ~padding_mask
        self.first, self.number = real.int().argmax(dim=1).int(), real.sum(dim=1).int()
        """(batch,) each: the first real place of a sentence, and how many."""

    @cached_property
    def bounds(self) -> Tensor:
        """(3 · batch + 1,), int32: where each segment begins, and the end."""
        starts = torch.arange(self.batch, device=self.first.device) * self.length
        ends = starts + self.first + self.number
        bounds = torch.stack([starts, starts + self.first, ends], dim=1).flatten()
        return torch.cat([bounds, starts.new_full((1,), self.batch * self.length)]).int()

    def take(self, x: Tensor, spare: int = 0) -> Tensor:
        """(batch, length) → (rows,)."""
        return x.flatten()

    def spread(self, x: Tensor) -> Tensor:
        """(rows, width) → (batch, length, width); of no meaning where padded."""
        return x.view(self.batch, self.length, -1)


def can_use_flash(config: TransformerConfig, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the kernel takes this model's heads, with products of type `dtype`, on the device."""
    if device.type != "cuda" or dtype not in _HALF or not hasattr(torch.ops.aten, "_flash_attention_forward"):
        return False
    fits = config.d_k == config.d_v and config.d_k % HEAD_STEP == 0 and config.d_k <= WIDEST_HEAD
    if not fits or not torch.backends.cuda.is_flash_attention_available():
        return False
    return torch.cuda.get_device_capability(device) >= (8, 0)


def attend_segments(
    query: Tensor | None, packed: Tensor, queries: Segments, keys: Segments, heads: int, *, causal: bool
) -> Tensor:
    """Section 3.2.1, Eq. 1 of all heads, between the places of each segment.

    Args:
        query: (rows of queries, heads · d); None where `packed` holds it too.
        packed: (rows of keys, 3 · heads · d) with queries, keys and values side by side, or keys and values alone.
        queries: where the queries lie.
        keys: where keys and values lie.
        heads: h.
        causal: hide what comes after the query (Section 3.2.3).

    Returns:
        (rows of queries, heads · d).
    """
    d = packed.size(1) // (heads * (3 if query is None else 2))
    if max(queries.length, keys.length) <= SHORT and d in SHORT_HEADS and packed.is_cuda and has_kernels():
        from aat_plugin.architecture.triton_attention import AttendShort

        short: Tensor = AttendShort.apply(query, packed, queries, keys, heads, causal)  # type: ignore[no-untyped-call]
        return short
    parts = packed.view(packed.size(0), 3 if query is None else 2, heads, -1).unbind(1)
    q = parts[0] if query is None else query.view(query.size(0), heads, -1)
    return flash(q, parts[-2], parts[-1], queries, keys, causal).flatten(1)


def flash(query: Tensor, key: Tensor, value: Tensor, queries: Segments, keys: Segments, causal: bool) -> Tensor:
    """(rows of queries, heads, d); the public function for it has had three signatures from torch 2.10 to 2.13."""
    mixed: Tensor = torch.ops.aten._flash_attention_forward(
        query, key, value, queries.bounds, keys.bounds, queries.length, keys.length, 0.0, causal, False
    )[0]
    return mixed
