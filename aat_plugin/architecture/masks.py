"""Section 3.2.3: which connections are illegal. In every mask here True means: may not be attended to."""

from __future__ import annotations

import torch
from torch import Tensor


def key_padding_mask(padding_mask: Tensor) -> Tensor:
    """Hide padded keys from every query.

    Args:
        padding_mask: (batch, src_len), True where padded.

    Returns:
        (batch, 1, 1, src_len), broadcast over heads and queries.
    """
    return padding_mask[:, None, None, :]


def subsequent_mask(tgt_len: int, src_len: int, device: torch.device) -> Tensor:
    """Hide keys that lie after the query; the last query lines up with the last key.

    Args:
        tgt_len: number of queries.
        src_len: number of keys, at least tgt_len; more where earlier keys come from a cache.

    Returns:
        (tgt_len, src_len), True above the diagonal.
    """
    everything = torch.ones(tgt_len, src_len, dtype=torch.bool, device=device)
    return everything.triu_(diagonal=src_len - tgt_len + 1)


def decoder_self_mask(padding_mask: Tensor, tgt_len: int) -> Tensor:
    """Hide later and padded keys, but never a query's own place, so that no row is without any key.

    A padded query on the left would otherwise see nothing and its softmax would be undefined; what it computes is
    never read.

    Args:
        padding_mask: (batch, src_len), True where padded, for all keys.
        tgt_len: number of queries, the last of the keys.

    Returns:
        (batch, 1, tgt_len, src_len).
    """
    src_len = padding_mask.size(1)
    later = subsequent_mask(tgt_len, src_len, padding_mask.device)
    own = later.new_ones(tgt_len, src_len).tril_(src_len - tgt_len).triu_(src_len - tgt_len)
    return ((later | padding_mask[:, None, :]) & ~own).unsqueeze(1)
