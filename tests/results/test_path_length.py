"""Path lengths: the graph from gradients against a breadth-first search over the edges that each layer must have."""

from __future__ import annotations

import math
from collections import deque

import pytest
import torch

from aat_plugin.results import layer_claims as claims
from aat_plugin.results.layer_kinds import KINDS, Convolution
from aat_plugin.results.path_length import WIDTH, dependencies, longest_path

KIND = {kind.claim: kind for kind in KINDS}


def searched(n: int, reaches: list[int]) -> int:
    """The longest shortest path where every step goes up to `reach` positions to one side or the other."""
    longest = 0
    for start in range(n):
        distance = {start: 0}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            for there in range(max(0, here - reaches[0]), min(n, here + reaches[1] + 1)):
                if there not in distance:
                    distance[there] = distance[here] + 1
                    queue.append(there)
        longest = max(longest, *distance.values())
    return longest


@pytest.mark.parametrize("n", [2, 7, 16])
@pytest.mark.parametrize(("claim", "reaches"), [
    (claims.CONTIGUOUS, [1, 1]), (claims.SEPARABLE, [1, 1]), (claims.RESTRICTED, [2, 2]), (claims.RECURRENT, [0, 1]),
    (claims.ATTENTION, [16, 16]), (claims.WHOLE_ATTENTION, [16, 16]),
], ids=lambda one: getattr(one, "name", ""))  # fmt: skip
def test_paths_are_those_of_a_breadth_first_search(claim, reaches, n):
    assert longest_path(KIND[claim], n, k=3, r=5) == searched(n, reaches)


@pytest.mark.parametrize("n", [2, 3, 4, 9, 10, 27, 28])
def test_dilated_kernels_need_the_logarithm(n):
    assert longest_path(KIND[claims.DILATED], n, k=3, r=5) == math.ceil(round(math.log(n, 3), 9))


def test_edges_are_the_kernels_positions_and_rows_are_outputs():
    edges = dependencies(Convolution(WIDTH, 3, 2), 6)
    expected = torch.zeros(6, 6, dtype=torch.bool)
    for out in range(6):
        for back in (0, 2, 4):
            if out - back >= 0:
                expected[out, out - back] = True
    assert torch.equal(edges, expected)


def test_one_position_has_no_path():
    with pytest.raises(ValueError, match="n=1"):
        longest_path(KIND[claims.ATTENTION], 1, 3, 5)
