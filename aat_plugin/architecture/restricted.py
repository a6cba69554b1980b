"""Section 4, Table 1's fourth row: self-attention restricted to a neighbourhood of size r, in memory linear in n.

The paper: "considering only a neighborhood of size r in the input sequence centered around the respective output
position". Here position i sees the r positions i - ⌊r/2⌋ … i + ⌈r/2⌉ - 1, itself among them: the same number on both
sides where r is odd, and one more before than behind where it is even. In the decoder, what is later is hidden as ever
(Section 3.2.3), so a step needs the ⌊r/2⌋ positions before it and no more. A path through the encoder's layers carries
information (r - 1) / 2 positions a layer. Attention from the decoder to the source stays whole.

Queries are taken in blocks; a block meets the keys of its neighbourhoods, so that no n × n scores exist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.architecture.precision import softmax

SMALLEST_BLOCK = 32
"""Queries in a block at least: under it, small neighbourhoods would become many tiny products."""


@dataclass(frozen=True)
class Reach:
    """How far a position sees.

    Attributes:
        before, after: positions on either side of its own.
    """

    before: int
    after: int


def reach(size: int, *, causal: bool) -> Reach:
    """The reach of a neighbourhood of `size` positions, r ≥ 1; `causal` hides what is later."""
    return Reach(size // 2, 0 if causal else (size - 1) // 2)


def restricted_attention(
    query: Tensor, key: Tensor, value: Tensor, padding_mask: Tensor, near: Reach, dropout: float = 0.0
) -> Tensor:
    """Eq. 1 over each query's neighbourhood. Section 4, Table 1.

    A query whose neighbours are all padded sees its own place, as in `masks.decoder_self_mask`.

    Args:
        query: (batch, heads, new, d_k), of the last `new` positions.
        key: (batch, heads, past + new, d_k), past ≤ near.before: what a cache kept comes first.
        value: (batch, heads, past + new, d_v).
        padding_mask: (batch, past + new), True where padded.
        near: how far a query sees.
        dropout: probability on the weights; 0 in the paper.

    Returns:
        (batch, heads, new, d_v).
    """
    new, past, width = query.size(2), key.size(2) - query.size(2), near.before + near.after
    block = min(new, max(width, SMALLEST_BLOCK))
    count = -(-new // block)
    spare = count * block - new
    around = (near.before - past, near.after + spare)
    span = block + width

    def windows(kept: Tensor) -> Tensor:
        """(batch, heads, length, d) → (batch, heads, blocks, d, span), one window of keys a block."""
        return F.pad(kept, (0, 0, *around)).unfold(2, span, block)

    scaled = F.pad(query * (1.0 / math.sqrt(query.size(-1))), (0, 0, 0, spare))
    scores = scaled.reshape(*query.shape[:2], count, block, query.size(-1)) @ windows(key)
    hidden = F.pad(padding_mask, around, value=True).unfold(1, span, block)[:, None, :, None, :]
    scores = scores.masked_fill(_illegal(hidden, block, near), float("-inf"))
    weights = F.dropout(softmax(scores), dropout, training=dropout > 0.0)
    return (weights @ windows(value).transpose(-2, -1)).flatten(2, 3)[:, :, :new]


def neighbourhood_mask(padding_mask: Tensor, new: int, near: Reach) -> Tensor:
    """The same neighbourhoods as a mask over whole rows, for who wants to see the weights. Section 4.

    Args:
        padding_mask: (batch, past + new), True where padded.
        new: number of queries, the last of the positions.
        near: how far a query sees.

    Returns:
        (batch, 1, new, past + new), True where illegal.
    """
    length = padding_mask.size(1)
    places = torch.arange(length, device=padding_mask.device)
    offset = places - places[length - new :].unsqueeze(1)
    far = (offset < -near.before) | (offset > near.after)
    return ((padding_mask[:, None, :] | far) & offset.ne(0)).unsqueeze(1)


def _illegal(hidden: Tensor, block: int, near: Reach) -> Tensor:
    """Which of a window's keys a query of the block may not see.

    Args:
        hidden: (batch, 1, blocks, 1, span), True where padded or outside the sentence.
        block: queries in a block.
        near: how far a query sees.

    Returns:
        (batch, 1, blocks, block, span).
    """
    columns = torch.arange(hidden.size(-1), device=hidden.device)
    offset = columns - torch.arange(block, device=hidden.device).unsqueeze(1)
    far = (offset < 0) | (offset > near.before + near.after)
    return (hidden | far) & offset.ne(near.before)
