"""An epoch's updates and the packs that they are cut into, one for each device and micro-batch (Section 5.1).

`batching` decides which sentences an update has; here is what the devices get, and how packs are kept small enough for
a device's memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aat_plugin.errors import ConfigError

Lengths = NDArray[np.integer]
Sentences = NDArray[np.int32]


@dataclass(frozen=True)
class EpochPlan:
    """An epoch's updates and their packs.

    Attributes:
        order: (sentences,), the sentences' numbers, update after update and pack after pack.
        bounds: (updates, packs + 1), where each pack begins and ends in `order`.
    """

    order: Sentences
    bounds: NDArray[np.int64]

    @property
    def updates(self) -> int:
        """How many there are in the epoch."""
        return len(self.bounds)

    @property
    def packs(self) -> int:
        """How many an update has: devices × update_freq."""
        return int(self.bounds.shape[1]) - 1

    def update(self, number: int) -> Sentences:
        """All sentences of an update, (sentences of it,)."""
        return self.order[self.bounds[number, 0] : self.bounds[number, -1]]

    def pack(self, number: int, place: int) -> Sentences:
        """The sentences at one place of an update, (rows,), possibly none.

        Places rotate with the updates, so that no device always has the long sentences. Empty packs come first: fairseq
        asks whether a device's last micro-batch is empty, and would take the whole device for idle.

        Args:
            number: of the update.
            place: i · devices + r for micro-batch i of device r.
        """
        bounds = self.bounds[number]
        filled = np.diff(bounds) > 0
        which = (place + number) % self.packs if filled.all() else np.argsort(filled, kind="stable")[place]
        return self.order[bounds[which] : bounds[which + 1]]


def padded_sizes(longest: Lengths, plan: EpochPlan) -> NDArray[np.int64]:
    """Rows × longest sentence of each pack, on the side that is longer: (updates, packs).

    Args:
        longest: (sentences,), of each sentence the longer side's tokens.
        plan: the packs.
    """
    sizes = np.diff(plan.bounds, axis=1)
    begins = plan.bounds[:, :-1].ravel()
    filled = sizes.ravel() > 0
    widest = np.zeros(sizes.size, dtype=np.int64)
    if filled.any():
        widest[filled] = np.maximum.reduceat(longest[plan.order], begins[filled])
    return sizes * widest.reshape(sizes.shape)


def fit(plan: EpochPlan, longest: Lengths, max_tokens: int) -> None:
    """Cut those updates anew, in place, that have a pack over max_tokens: by length, as evenly in padding as can be.

    Args:
        plan: the packs.
        longest: (sentences,), of each sentence the longer side's tokens.
        max_tokens: the most that a pack may have, padding included; a longer sentence is a pack of its own.

    Raises:
        ConfigError: some update has not enough packs for that.
    """
    largest = padded_sizes(longest, plan).max(axis=1)
    for number in np.argsort(-largest, kind="stable").tolist():
        if largest[number] <= max_tokens:
            break
        sentences = plan.update(number)
        sentences[:] = sentences[np.argsort(longest[sentences], kind="stable")]
        lengths = longest[sentences]
        ends, needed = even_padded_cuts(lengths, plan.packs)
        if needed > max(max_tokens, int(lengths.max())):
            raise ConfigError(f"an update in {plan.packs} packs (devices × update_freq) has one of {needed} tokens or "
                              f"more, with padding, and max_tokens is {max_tokens}: try max_tokens {needed * 5 // 4}, "
                              "or more packs by update_freq")  # fmt: skip
        plan.bounds[number, 1:] = plan.bounds[number, 0] + ends


def even_padded_cuts(lengths: Lengths, packs: int) -> tuple[NDArray[np.int64], int]:
    """Cut a row of sentences into packs so that the largest, padding included, is as small as can be.

    Args:
        lengths: (sentences,), in the order to keep.
        packs: how many; some may be left empty.

    Returns:
        Where each pack ends, (packs,), and the largest pack's padded tokens.
    """
    low, high = int(lengths.max()), int(lengths.max()) * len(lengths)
    while low < high:
        middle = (low + high) // 2
        if _fill(lengths, middle, packs)[-1] == len(lengths):
            high = middle
        else:
            low = middle + 1
    return np.array(_fill(lengths, low, packs), dtype=np.int64), low


def _fill(lengths: Lengths, limit: int, packs: int) -> list[int]:
    """Where packs end that are filled up to `limit` one after the other; the last one ends where they were used up."""
    ends: list[int] = []
    start = 0
    for _ in range(packs):
        rest = lengths[start : start + limit]  # a sentence has at least one token
        sizes = np.maximum.accumulate(rest) * np.arange(1, len(rest) + 1)
        start += int(np.searchsorted(sizes, limit, side="right"))
        ends.append(start)
    return ends
