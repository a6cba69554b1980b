"""Table 1's last column, measured: how many position-to-position steps a signal needs between the farthest positions.

The graph is the layers' own. An edge goes from position j to position i where the gradient of output i in input j is
not zero; one step through a layer, or one time step of a recurrent one, is one hop. Read `layer_kinds` first.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from aat_plugin.results.layer_kinds import Kind

WIDTH = 4
"""Channels; which positions are connected does not depend on them."""


def longest_path(kind: Kind, n: int, k: int, r: int) -> int:
    """The longest over pairs of positions of the shortest path between them, in hops.

    Args:
        kind: whose steps.
        n: positions.
        k, r: the kernel's width and the neighbourhood's size.

    Raises:
        ValueError: n is below 2, or n steps do not connect all pairs.
    """
    if n < 2:
        raise ValueError(f"{n=} must be at least 2")
    connected = torch.eye(n, dtype=torch.bool)
    wanted = torch.ones(n, n, dtype=torch.bool)
    if kind.causal:
        wanted = wanted.tril()
    for count, edges in enumerate(_hops(kind, n, k, r), start=1):
        reached = connected | ((edges.double() @ connected.double()) > 0)
        if bool(reached[wanted].all()):
            return count
        connected = reached
    raise ValueError(f"{kind.claim.name} does not connect {n} positions in {n} steps")


def _hops(kind: Kind, n: int, k: int, r: int) -> Iterator[Tensor]:
    """The edges of each step in turn; those of a layer of one kind are all the same."""
    for index in range(n):
        if index == 0 or kind.varies:
            layer = kind.build(WIDTH, k, r) if kind.hop is None else kind.hop(WIDTH, k, r, index)
            edges = dependencies(layer, n)
        yield edges


def dependencies(layer: nn.Module, n: int) -> Tensor:
    """Which input positions each output position depends on, (n, n): rows are outputs.

    Output i is taken from copy i of a random input, so that one backward pass gives all rows.
    """
    x = torch.randn(n, n, WIDTH, dtype=torch.float64, requires_grad=True)
    out = layer.double()(x)
    everywhere = torch.arange(n)
    (gradient,) = torch.autograd.grad((out[everywhere, everywhere] * torch.randn(WIDTH, dtype=torch.float64)).sum(), x)
    return gradient.ne(0).any(dim=-1)
