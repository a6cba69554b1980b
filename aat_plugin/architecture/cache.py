"""What incremental decoding keeps between steps, so that a step costs one position and not the whole prefix.

For each decoder layer: keys and values of the positions decoded so far (Section 3.2.3, masked self-attention), and keys
and values of the encoder's output, projected once.
"""

from __future__ import annotations

import torch
from torch import Tensor

KeysAndValues = tuple[Tensor, Tensor]


class DecodingCache:
    """Keys and values of each decoder layer; a row is a hypothesis.

    Attributes:
        length: positions decoded so far.
    """

    def __init__(self, num_layers: int) -> None:
        self.length = 0
        self._own: list[KeysAndValues | None] = [None] * num_layers
        self._memory: list[KeysAndValues | None] = [None] * num_layers

    def extend(self, layer: int, key: Tensor, value: Tensor, keep: int | None = None) -> KeysAndValues:
        """Append new positions to a layer's self-attention and return what is kept with them.

        Args:
            layer: which decoder layer.
            key: (rows, heads, new, d_k).
            value: (rows, heads, new, d_v).
            keep: how many of the last positions a later step needs, where attention is restricted; None for all.

        Returns:
            (rows, heads, kept + new, d_k) and (rows, heads, kept + new, d_v); kept = length where `keep` is None.
        """
        past = self._own[layer]
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        self._own[layer] = (key, value) if keep is None else (_last(key, keep), _last(value, keep))
        return key, value

    def memory(self, layer: int) -> KeysAndValues | None:
        """A layer's keys and values of the encoder's output, or None before the first step."""
        return self._memory[layer]

    def keep_memory(self, layer: int, projected: KeysAndValues) -> KeysAndValues:
        """Remember a layer's keys and values of the encoder's output."""
        self._memory[layer] = projected
        return projected

    def reorder(self, rows: Tensor) -> None:
        """Let row i continue what row `rows[i]` was; also drops or repeats rows.

        Args:
            rows: (new_rows,), int64.
        """
        self._own = [_select(kept, rows) for kept in self._own]
        self._memory = [_select(kept, rows) for kept in self._memory]


def _last(kept: Tensor, count: int) -> Tensor:
    """The last `count` positions of (rows, heads, length, d), in memory of their own."""
    return kept if kept.size(2) <= count else kept[:, :, kept.size(2) - count :].clone()


def _select(kept: KeysAndValues | None, rows: Tensor) -> KeysAndValues | None:
    return None if kept is None else (kept[0].index_select(0, rows), kept[1].index_select(0, rows))
