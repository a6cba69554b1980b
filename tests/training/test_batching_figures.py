"""The figures of batches, counted again in plain Python."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean, pstdev

import numpy as np
import pytest

from aat_plugin.training.batching import UpdateSize, plan_epoch
from aat_plugin.training.batching_figures import figures, plan_of_batches


def test_the_figures_are_those_of_plain_python():
    generator = np.random.default_rng(3)
    source, target = (generator.integers(1, 30, 300).astype(np.int32) for _ in range(2))
    plan = plan_epoch(source, target, UpdateSize(300, 3), packs=6)
    found = figures(plan, source, target, devices=2)
    real, padded, largest, waiting = ([], []), [], 0, []
    for number in range(plan.updates):
        packs = [plan.order[begin:end].tolist() for begin, end in pairwise(plan.bounds[number])]
        devices = [0, 0]
        for place, pack in enumerate(packs):
            sides = [len(pack) * max((int(side[one]) for one in pack), default=0) for side in (source, target)]
            devices[place % 2] += sum(sides)
            largest = max(largest, *sides)
        padded.append(sum(devices))
        waiting.append(max(devices) / fmean(devices))
        for counted, side in zip(real, (source, target), strict=True):
            counted.append(sum(int(side[one]) for pack in packs for one in pack))
    assert (found.updates, found.largest_pack) == (plan.updates, largest)
    assert (found.source_tokens, found.target_tokens) == tuple(pytest.approx(fmean(side)) for side in real)
    assert found.source_spread == pytest.approx(pstdev(real[0]) / fmean(real[0]))
    assert found.target_spread == pytest.approx(pstdev(real[1]) / fmean(real[1]))
    assert found.padding == pytest.approx(1 - (sum(real[0]) + sum(real[1])) / sum(padded))
    assert found.waiting == pytest.approx(fmean(waiting) - 1)


def test_ready_batches_are_shuffled_into_updates_and_an_unfinished_one_is_left_out():
    batches = [np.array(one) for one in ([0, 1], [2], [3, 4, 5], [6], [7, 8])]
    plan = plan_of_batches(batches, packs=2)
    assert (plan.updates, plan.packs) == (2, 2)
    packs = [tuple(plan.order[begin:end].tolist()) for row in plan.bounds
             for begin, end in pairwise(row)]  # fmt: skip
    assert len(set(packs)) == 4
    assert set(packs) < {tuple(one.tolist()) for one in batches}
