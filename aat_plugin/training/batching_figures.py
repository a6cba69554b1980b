"""What batches are like: padding, how even updates are, how long the slowest device makes the others wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aat_plugin.training.packs import EpochPlan, Lengths, padded_sizes


@dataclass(frozen=True)
class BatchFigures:
    """Figures of an epoch.

    Attributes:
        updates: in the epoch.
        source_tokens, target_tokens: real ones of an update, on average.
        source_spread, target_spread: their standard deviation over updates, as a share of the average.
        padding: share of the padded places of both sides that are padding.
        largest_pack: padded tokens of the longer side.
        waiting: padded tokens of an update's fullest device over those of its mean device, less one, on average.
    """

    updates: int
    source_tokens: float
    target_tokens: float
    source_spread: float
    target_spread: float
    padding: float
    largest_pack: int
    waiting: float


def figures(plan: EpochPlan, source: Lengths, target: Lengths, devices: int) -> BatchFigures:
    """Count an epoch.

    Args:
        plan: its updates and packs.
        source, target: (sentences,), tokens of each.
        devices: that share an update's packs; pack p goes to device p modulo devices.
    """
    real = [_of_updates(plan, side) for side in (source, target)]
    padded = sum(padded_sizes(side, plan) for side in (source, target))
    assert not isinstance(padded, int)
    on_devices = padded.reshape(plan.updates, -1, devices).sum(axis=1)
    return BatchFigures(
        updates=plan.updates,
        source_tokens=float(real[0].mean()),
        target_tokens=float(real[1].mean()),
        source_spread=float(real[0].std() / real[0].mean()),
        target_spread=float(real[1].std() / real[1].mean()),
        padding=float(1 - (real[0].sum() + real[1].sum()) / padded.sum()),
        largest_pack=int(padded_sizes(np.maximum(source, target), plan).max()),
        waiting=float((on_devices.max(axis=1) / on_devices.mean(axis=1)).mean() - 1),
    )


def _of_updates(plan: EpochPlan, tokens: Lengths) -> NDArray[np.int64]:
    """(updates,), all of which have sentences."""
    return np.add.reduceat(tokens[plan.order].astype(np.int64), plan.bounds[:, 0])


def plan_of_batches(batches: Sequence[NDArray[np.int64]], packs: int, seed: int = 1) -> EpochPlan:
    """Ready batches as fairseq makes updates of them: shuffled, then so many at a time; an unfinished one is left out.

    Args:
        batches: sentences' numbers.
        packs: of an update: devices × update_freq.
        seed: of the shuffling.
    """
    shuffled = np.random.default_rng(seed).permutation(len(batches))[: len(batches) // packs * packs]
    sizes = np.array([len(batches[number]) for number in shuffled.tolist()], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    bounds = np.concatenate([ends[:-1].reshape(-1, packs), ends[packs::packs, None]], axis=1)
    order = np.concatenate([batches[number] for number in shuffled.tolist()])
    return EpochPlan(order.astype(np.int32), bounds)
