"""Which sentences an update sees, and how they are cut into packs for the devices (Section 5.1).

The paper: "Sentence pairs were batched together by approximate sequence length. Each training batch contained a set of
sentence pairs containing approximately 25000 source tokens and 25000 target tokens." The unit here is therefore one
update, counted in real tokens, end symbols included, padding not. It says neither how alike an update's sentences were
nor how eight devices shared them. Here:

1. An epoch's sentences are sorted by source length, in bands that are broader where sentences are few, and within a
   band by target length; equally long pairs are in random order.
2. The sorted row is cut into updates × `length_groups` groups of equally many tokens, each with hardly any padding.
3. The row of groups falls into `length_groups` strata, short to long. An update takes one group of each stratum: its
   lengths are those of the corpus, and every update has the same number of tokens. Which one is drawn at random, in
   blocks in which groups with long targets meet groups with long sources, so that each side's tokens come out even.
4. An update is cut into packs, one for each device and micro-batch. The cut does not change the update, so any number
   of devices sees the same updates in the same order.

`length_groups=1` is the other reading, and what tensor2tensor did: an update all of one length, short ones and long
ones in random order. All of it is a function of (lengths, seed, epoch) and of nothing else. Read `packs` next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aat_plugin.errors import ConfigError
from aat_plugin.training.packs import EpochPlan, Lengths, Sentences, fit

_LARGEST_KEY = 65_535
"""Keys of 16 bits are sorted by counting; targets longer than this are sorted as if they had this length."""
_TARGETS_SPREAD = 0.6
"""Targets of one source length differ by about this share of it; measured, little depends on it."""
_BLOCK = 64
"""Updates among which the tokens of both sides are evened out; a larger block is more even and less random."""


@dataclass(frozen=True)
class UpdateSize:
    """What an update is, whatever machine it runs on.

    Args:
        tokens: of the side that has more of them, on average over the epoch's updates and never more than that.
        length_groups: how many different lengths an update is made of.

    Raises:
        ConfigError: one of them is not positive.
    """

    tokens: int
    length_groups: int = 8

    def __post_init__(self) -> None:
        for name, value in (("tokens_per_update", self.tokens), ("length_groups", self.length_groups)):
            if value < 1:
                raise ConfigError(f"{name}={value} must be at least 1")


def plan_epoch(
    source: Lengths,
    target: Lengths,
    size: UpdateSize,
    packs: int,
    *,
    max_tokens: int | None = None,
    seed: int = 1,
    epoch: int = 1,
    shuffle: bool = True,
) -> EpochPlan:
    """Plan an epoch. Section 5.1.

    Args:
        source: (sentences,), tokens of each source, end symbol included.
        target: (sentences,), the same of the targets.
        size: what an update is.
        packs: of an update: devices × update_freq.
        max_tokens: the most tokens a pack may have on its longer side, padding included; None for no limit. A single
            longer sentence is a pack of its own.
        seed: of the run.
        epoch: counted from 1; each has its own order.
        shuffle: False for updates of neighbouring lengths, short to long, as stock batches come under --curriculum.

    Raises:
        ConfigError: an update does not fit into `packs` packs of `max_tokens`.
    """
    generator = np.random.default_rng([seed, epoch, len(source)])
    tokens = [int(side.sum(dtype=np.int64)) for side in (source, target)]
    updates = max(1, -(-max(tokens) // size.tokens))
    row = _sorted(_bands(source, target, sum(tokens) / (updates * size.length_groups))[source], target, generator)
    in_row = (source[row], target[row])
    both = np.add(*in_row)
    total = _running_total(both)
    borders = _nearest(total, np.linspace(0, total[-1], updates * size.length_groups + 1))
    surplus = np.diff(_running_total(in_row[1] - in_row[0])[borders]) if shuffle else None
    del in_row, total  # a third of the memory, with millions of sentences
    places, starts = _gather(borders, _deal(updates, size.length_groups, surplus, generator))
    bounds = _cut(_running_total(both[places]), starts, packs)
    not_empty = bounds[:, 0] < bounds[:, -1]  # some are, where single sentences are longer than an update
    plan = EpochPlan(row[places], bounds[not_empty])
    if max_tokens is not None:
        fit(plan, np.maximum(source, target), max_tokens)
    return plan


def _bands(source: Lengths, target: Lengths, group_tokens: float) -> NDArray[np.uint16]:
    """The band of each source length, (longest source + 1,).

    A band grows until its groups, cut from it by target length, are no longer than it is broad: so a group's sentences
    differ as little in one side as in the other.
    """
    longest = int(source.max())
    tokens = np.bincount(source, minlength=longest + 1).astype(np.float64) * np.arange(longest + 1)
    tokens += np.bincount(source, weights=target, minlength=longest + 1)
    bands = np.zeros(longest + 1, dtype=np.uint16)
    first = band = 0
    inside = 0.0
    for length, more in enumerate(tokens.tolist()):
        bands[length] = band
        inside += more
        if (length - first + 1) * inside / group_tokens >= _TARGETS_SPREAD * length and band < _LARGEST_KEY:
            band, first, inside = band + 1, length + 1, 0.0
    return bands


def _sorted(bands: NDArray[np.uint16], target: Lengths, generator: np.random.Generator) -> Sentences:
    """Sentences by band, and in it up and down in turn by target length; equals at random. (sentences,)."""
    row = np.arange(len(target), dtype=np.int32)
    generator.shuffle(row)
    other = np.minimum(target, _LARGEST_KEY).astype(np.uint16)
    np.subtract(_LARGEST_KEY, other, out=other, where=bands % 2 == 1)
    for key in (other, bands):
        row = row[np.argsort(key[row], kind="stable")]
    return row


def _running_total(tokens: Lengths) -> NDArray[np.int64]:
    """Tokens before each sentence, and of all: (sentences + 1,)."""
    total = np.zeros(len(tokens) + 1, dtype=np.int64)
    np.cumsum(tokens, out=total[1:])
    return total


def _nearest(total: NDArray[np.int64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """The places in a running total that are nearest to the wanted ones."""
    above = np.searchsorted(total, wanted).clip(0, len(total) - 1)
    below = (above - 1).clip(0)
    return np.where(wanted - total[below] < total[above] - wanted, below, above)


def _deal(
    updates: int, strata: int, surplus: NDArray[np.int64] | None, generator: np.random.Generator
) -> NDArray[np.int64]:
    """The groups of each update, short to long: (updates, strata).

    Args:
        updates: how many; group g belongs to stratum g // updates.
        strata: how many.
        surplus: (groups,), by how many tokens a group's targets are longer than its sources; None leaves neighbours
            together, short to long.
        generator: decides.
    """
    if surplus is None:
        return np.arange(updates * strata).reshape(updates, strata)
    dealt = np.empty((updates, strata), dtype=np.int64)
    so_far = np.zeros(updates, dtype=np.int64)
    block = np.arange(updates) // _BLOCK
    for stratum in generator.permutation(strata).tolist():
        groups = stratum * updates + generator.permutation(updates)
        takers = generator.permutation(updates)
        groups = groups[np.lexsort((surplus[groups], block))]
        takers = takers[np.lexsort((-so_far[takers], block))]
        dealt[takers, stratum] = groups
        so_far[takers] += surplus[groups]
    return dealt


def _gather(borders: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[Sentences, NDArray[np.int64]]:
    """Which place of the sorted row comes where, and where each group begins: (sentences,), (updates, groups + 1)."""
    sizes = np.diff(borders)[groups.ravel()]
    ends = _running_total(sizes)
    places = np.arange(ends[-1], dtype=np.int32)
    places += np.repeat((borders[:-1][groups.ravel()] - ends[:-1]).astype(np.int32), sizes)
    strata = groups.shape[1]
    return places, np.concatenate([ends[:-1].reshape(groups.shape), ends[strata::strata, None]], axis=1)


def _cut(total: NDArray[np.int64], starts: NDArray[np.int64], packs: int) -> NDArray[np.int64]:
    """Cut every update into packs of equally many tokens: cut k falls on k · groups / packs groups.

    So packs that are a multiple of the groups divide each group evenly, and a divisor of them joins whole groups.

    Args:
        total: tokens before each sentence, (sentences + 1,).
        starts: where the groups begin, (updates, groups + 1).
        packs: of an update.

    Returns:
        (updates, packs + 1).
    """
    groups = starts.shape[1] - 1
    bounds = np.empty((len(starts), packs + 1), dtype=np.int64)
    bounds[:, -1] = starts[:, -1]
    for cut in range(packs):
        group, part = divmod(cut * groups, packs)
        first, after = total[starts[:, group]], total[starts[:, group + 1]]
        bounds[:, cut] = starts[:, group] if part == 0 else _nearest(total, first + (after - first) * (part / packs))
    return bounds
