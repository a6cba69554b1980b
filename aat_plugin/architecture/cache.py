"""What incremental decoding keeps between steps, so that a step costs one position and not the whole prefix.

For each decoder layer: keys and values of the positions decoded so far (Section 3.2.3, masked self-attention), and keys
and values of the encoder's output, projected once. Rows are free of one another; read `beam_cache` next, for hypotheses
that share their past.
"""

from __future__ import annotations

from torch import Tensor

KeysAndValues = tuple[Tensor, Tensor]
SMALLEST = 32
"""Positions that a new buffer has room for at least."""


class DecodingCache:
    """Keys and values of each decoder layer; a row is a hypothesis.

    Attributes:
        length: positions decoded so far.
    """

    def __init__(self, num_layers: int) -> None:
        self.length = 0
        self._own: list[KeysAndValues | None] = [None] * num_layers
        self._used = [(0, 0)] * num_layers
        self._memory: list[KeysAndValues | None] = [None] * num_layers

    def extend(self, layer: int, key: Tensor, value: Tensor, keep: int | None = None) -> KeysAndValues:
        """Append new positions to a layer's self-attention and return what is kept with them.

        Args:
            layer: which decoder layer.
            key: (rows, heads, new, d_k).
            value: (rows, heads, new, d_v).
            keep: how many of the last positions a later step needs, where attention is restricted; None for all.

        Returns:
            (rows, heads, kept + new, d_k) and (rows, heads, kept + new, d_v); kept = length where `keep` is None. They
            are views, good until the next call.
        """
        first, last = self._used[layer]
        if keep is not None:
            first = max(first, last - keep)
        own, stop = self._own[layer], last + key.size(2)
        if own is None or own[0].size(2) < stop:
            own = widened(None if own is None else own[0], key, first, last), widened(
                None if own is None else own[1], value, first, last
            )
            first, last, stop = 0, last - first, stop - first
        for buffer, new in zip(own, (key, value), strict=True):
            buffer[:, :, last:stop] = new
        self._own[layer], self._used[layer] = own, (first, stop)
        return own[0][:, :, first:stop], own[1][:, :, first:stop]

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
        self._own = [_select(own, rows, used) for own, used in zip(self._own, self._used, strict=True)]
        self._memory = [_select(kept, rows, None) for kept in self._memory]


def widened(buffer: Tensor | None, new: Tensor, first: int, last: int) -> Tensor:
    """A buffer of twice the size that is needed, so that positions are copied a few times in all.

    Args:
        buffer: (rows, heads, capacity, d), or None where there is none yet.
        new: (rows, heads, count, d), for which there must be room.
        first: the first position still needed, and
        last: the one behind the last; they become 0 … last - first.

    Returns:
        (rows, heads, new capacity, d).
    """
    rows, heads, count, width = new.shape
    wider = new.new_empty((rows, heads, max(SMALLEST, 2 * (last - first + count)), width))
    if buffer is not None:
        wider[:, :, : last - first] = buffer[:, :, first:last]
    return wider


def _select(kept: KeysAndValues | None, rows: Tensor, used: tuple[int, int] | None) -> KeysAndValues | None:
    """The rows of a buffer: all of it, or of the same capacity with the positions in use."""
    if kept is None:
        return None
    if used is None:
        return kept[0].index_select(0, rows), kept[1].index_select(0, rows)
    place = slice(*used)
    chosen = []
    for buffer in kept:
        moved = buffer.new_empty((rows.size(0), *buffer.shape[1:]))
        moved[:, :, place] = buffer[:, :, place].index_select(0, rows)
        chosen.append(moved)
    return chosen[0], chosen[1]
