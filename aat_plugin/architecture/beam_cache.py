"""What a beam search keeps of a decoder between steps: nothing is copied when hypotheses move.

A `DecodingCache` has a row a hypothesis, so each step of a beam search copies all of it. Here the keys and values of a
sentence's hypotheses (Section 3.2.3) lie side by side in slots that stay where they are, and a table says which slots
each hypothesis descends from; attention is taken over all slots of the sentence, those of others masked. Slots that no
hypothesis descends from any more are dropped now and then; in long outputs most of the beam's past is shared. What is
hidden is written as -inf, to be added to scores: that is many times quicker than filling them in by a mask. Keys and
values of the encoder's output are kept once a sentence. Where sentences leave, those behind them move into their places
and nothing else moves; some places may be left empty, where what is computed is read by no one. Read `packed` next,
which decodes with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.architecture.cache import SMALLEST, KeysAndValues
from aat_plugin.architecture.precision import SHORTEST

ALIKE = 8
"""Where `compiled` says so, the places in use are a multiple of it, or a power of two if fewer, and the slots a
multiple of `SHORTEST`: a first batch of 1,000 sentences took 5.6 s of the processor, and 5.2 to 5.5 s so."""
FEW = 6
"""Steps after which slots without descendants are first looked for; later whenever the slots have grown by half."""


class BeamCache:
    """One batch's keys and values.

    "Search order" is the order of the sentences that still go on; "place" is where a sentence lies here.

    Attributes:
        length: positions decoded so far.
        memory: for each layer, keys (sentences, heads, d_k, src_len) and values (sentences, heads, src_len, d_v) of the
            encoder's output, by place.
        padding_mask: (sentences, src_len), True where the source is padded, by place.
        hidden_source: (sentences, 1, 1, src_len), -inf where the source is padded, else 0; None where none is.
        outputs: the encoder's output itself (sentences, src_len, d_model), by place; None where no step reads it.
    """

    def __init__(
        self, memory: Sequence[KeysAndValues], padding_mask: Tensor, before: int | None, outputs: Tensor | None = None
    ) -> None:
        """Begin a batch.

        Args:
            memory: see above.
            padding_mask: see above.
            before: how many positions before its own a hypothesis sees, where attention is restricted; None for all.
            outputs: see above.
        """
        self.length = 0
        self.memory, self.padding_mask, self._before = list(memory), padding_mask, before
        # A copy: gaps are closed in place.
        self.outputs = None if outputs is None else outputs.clone()
        sentences, device = padding_mask.size(0), padding_mask.device
        self.hidden_source: Tensor | None = None
        nothing = self.memory[0][0].new_zeros(())
        if bool(padding_mask.any()):
            self.hidden_source = torch.where(padding_mask, -math.inf, nothing)[:, None, None, :]
        self._own: list[KeysAndValues | None] = [None] * len(self.memory)
        # (places, beam, slots): 0 where a hypothesis descends from a slot, -inf elsewhere; `_used` slots were written.
        self._hidden = nothing.new_zeros((sentences, 1, 0))
        self._used, self._few_shapes = 0, compiled(nothing)
        self._step_of = torch.zeros((sentences, 0), dtype=torch.int64, device=device)
        self._place = list(range(sentences))
        self._others: Tensor | None = None
        self._at: Tensor | None = None
        self._of: Tensor | None = None
        self._look_again = 0

    @property
    def sentences(self) -> int:
        """How many still go on."""
        return len(self._place)

    def to_places(self, rows: Tensor) -> Tensor:
        """(sentences · beam, …) in search order → (places, beam, …); those that are empty get the first sentence's."""
        grouped = rows.view(len(self._place), -1, *rows.shape[1:])
        return grouped if self._at is None else grouped.index_select(0, self._at)

    def to_search_order(self, grouped: Tensor) -> Tensor:
        """(places, beam, …) → (sentences · beam, …) in search order."""
        return (grouped if self._of is None else grouped.index_select(0, self._of)).flatten(0, 1)

    def open_step(self, beam: int) -> Tensor:
        """Make room for the next position of each of `beam` hypotheses a sentence.

        Returns:
            (places, 1, beam, slots), -inf where a slot is hidden from a hypothesis or not in use, 0 elsewhere.
        """
        if self._used > max(self._look_again, FEW * beam):
            self._drop_dead_slots(beam)
        places, start, self._used = self._hidden.size(0), self._used, self._used + beam
        self._hidden = self._filled_up(self._hidden)
        if self._others is None or self._others.size(0) != beam:
            one = torch.ones((beam, beam), dtype=torch.bool, device=self._hidden.device).fill_diagonal_(False)
            self._others = self._hidden.new_zeros((beam, beam)).masked_fill_(one, -math.inf)
        self._hidden[:, :, start : self._used] = self._others
        if self._before is not None:
            now = self._step_of.new_full((places, beam), self.length)
            self._step_of = torch.cat([self._step_of, now], dim=1)
            gone = self._step_of.lt(self.length - self._before).unsqueeze(1)
            self._hidden[:, :, : self._used].masked_fill_(gone, -math.inf)
        self.length += 1
        return self._hidden.unsqueeze(1)

    def _filled_up(self, hidden: Tensor) -> Tensor:
        """With as many slots, -inf behind those that it had, as a step with `_used` of them takes."""
        slots = _up(self._used, SHORTEST) if self._few_shapes else max(SHORTEST, self._used)
        return F.pad(hidden, (0, slots - hidden.size(2)), value=-math.inf) if hidden.size(2) < slots else hidden

    def extend(self, layer: int, key: Tensor, value: Tensor) -> KeysAndValues:
        """Write the new position's keys and values into their slots.

        Args:
            layer: which decoder layer.
            key: (places, heads, beam, d_k).
            value: (places, heads, beam, d_v); both of any type, kept in that of `memory`.

        Returns:
            Views of as many slots as `open_step` said, (places, heads, d_k, slots) and (places, heads, slots, d_v), all
            finite. Each lies as its product reads it, which bfloat16's would copy otherwise.
        """
        slots, stop = self._hidden.size(2), self._used
        start, own = stop - key.size(2), self._own[layer]
        if own is None or own[1].size(2) < slots:
            kept = (None, None) if own is None else (own[0].transpose(2, 3), own[1])
            room = max(SMALLEST, 2 * slots)  # twice what is needed, so that slots are copied a few times in all
            sentences, heads, _, d_k = key.shape
            keys = self._hidden.new_zeros((sentences, heads, d_k, room))
            values = self._hidden.new_zeros((sentences, heads, room, value.size(3)))
            _begun(keys.transpose(2, 3), kept[0], start)
            own = self._own[layer] = keys, _begun(values, kept[1], start)
        keys, values = own
        keys[:, :, :, start:stop], values[:, :, start:stop] = key.transpose(2, 3), value
        return keys[:, :, :, :slots], values[:, :, :slots]

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """Let hypotheses continue others of their sentence, and sentences leave; as in `NextTokens.reorder`.

        Args:
            rows: (new_rows,), in search order, which row of the last step each continues.
            sentences: (kept,), in search order, those that go on; None where all do.
        """
        parents = rows.remainder(self._hidden.size(1))
        if sentences is not None:
            self._leave(sentences.tolist())
        parents = self.to_places(parents)
        self._hidden = self._hidden.gather(1, parents.unsqueeze(2).expand(-1, -1, self._hidden.size(2)))

    def _leave(self, going_on: list[int]) -> None:
        """Close the gaps: only sentences that lie behind all places still needed move."""
        places = [self._place[sentence] for sentence in going_on]
        count = min(self._hidden.size(0), _alike(len(places)) if self._few_shapes else len(places))
        taken = set(places)
        free = (place for place in range(count) if place not in taken)
        moves = {place: next(free) for place in places if place >= count}
        self._place = [moves.get(place, place) for place in places]
        device = self._hidden.device
        source = torch.tensor(list(moves.keys()), dtype=torch.int64, device=device)
        target = torch.tensor(list(moves.values()), dtype=torch.int64, device=device)

        def close(kept: Tensor, used: Tensor | None = None) -> Tensor:
            if moves:
                part = kept if used is None else used
                part[target] = part[source]
            return kept[:count]

        def close_own(keys: Tensor, values: Tensor) -> KeysAndValues:
            return close(keys, keys[:, :, :, : self._used]), close(values, values[:, :, : self._used])

        self._own = [None if own is None else close_own(*own) for own in self._own]
        self.memory = [(close(key), close(value)) for key, value in self.memory]
        self.padding_mask, self._hidden = close(self.padding_mask), close(self._hidden)
        self.hidden_source = None if self.hidden_source is None else close(self.hidden_source)
        self.outputs = None if self.outputs is None else close(self.outputs)
        self._step_of = close(self._step_of)
        self._of = torch.tensor(self._place, dtype=torch.int64, device=device)
        self._at = torch.zeros(count, dtype=torch.int64, device=device)
        self._at[self._of] = torch.arange(len(self._place), device=device)
        if self._place == list(range(count)):
            self._of = self._at = None

    def _drop_dead_slots(self, beam: int) -> None:
        """Keep of each sentence the slots that some hypothesis descends from, in their order."""
        live = self._hidden[:, :, : self._used].eq(0).any(dim=1)
        most = max(1, int(live.sum(dim=1).max()))
        if 4 * most <= 3 * self._used:
            kept = live.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
            self._hidden = self._hidden.gather(2, kept.unsqueeze(1).expand(-1, self._hidden.size(1), -1))
            self._used = most
            if self._before is not None:
                self._step_of = self._step_of.gather(1, kept)
            for keys, values in filter(None, self._own):
                keys[:, :, :, :most] = keys.gather(3, kept[:, None, None, :].expand(-1, *keys.shape[1:3], -1))
                values[:, :, :most] = _slots(values, kept)
        self._look_again = max(3 * self._used // 2, self._used + FEW * beam)


def compiled(x: Tensor) -> bool:
    """Whether products of the type and device of `x` (of any shape) are compiled for each shape: oneDNN's bfloat16."""
    return x.device.type == "cpu" and x.dtype.itemsize < 4


def _up(number: int, multiple: int) -> int:
    """The next multiple."""
    return -(-number // multiple) * multiple


def _alike(count: int) -> int:
    """The next multiple of `ALIKE`, or power of two if that is less."""
    return min(_up(count, ALIKE), 1 << (count - 1).bit_length())


def _begun(new: Tensor, old: Tensor | None, used: int) -> Tensor:
    """A new buffer (sentences, heads, capacity, d), its first slots in use those of an old one."""
    if old is not None:
        new[:, :, :used] = old[:, :, :used]
    return new


def _slots(buffer: Tensor, kept: Tensor) -> Tensor:
    """The slots `kept` (sentences, most) of a buffer (sentences, heads, capacity, d): (sentences, heads, most, d)."""
    sentences, heads, capacity, width = buffer.shape
    first = torch.arange(sentences * heads, device=buffer.device).view(sentences, heads, 1) * capacity
    flat = (first + kept.unsqueeze(1)).flatten()
    return buffer.reshape(-1, width).index_select(0, flat).view(sentences, heads, kept.size(1), width)
