"""Why attention runs in parallel: how many operations wait for one another, in a recurrence and in attention.

Two of Table 1's layers, counted and timed as `table1` does. Section 4, "sequential operations".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, line_chart

LENGTHS = (4, 8, 16, 32, 64)
D_MODEL = 64


@dataclass(frozen=True)
class Waiting:
    """One layer at one length.

    Attributes:
        layer: "recurrence" or "self-attention".
        length: positions.
        chain: operations on the longest path from input to output.
        seconds: of the processor, forward and backward; nan where nothing was timed.
    """

    layer: str
    length: int
    chain: int
    seconds: float


def measure(lengths: Sequence[int], d_model: int = D_MODEL, repeats: int = 0) -> list[Waiting]:
    """Chains and times of both layers: torch's own recurrence, and multi-head self-attention with its projections.

    Args:
        lengths: positions.
        d_model: width of both.
        repeats: passes that are timed, of which the median counts; 0 for none.

    Raises:
        ConfigError: a length or a width that a layer cannot have.
    """
    import torch

    from aat_plugin.results.layer_kinds import AttentionLayer, Recurrent
    from aat_plugin.results.table1 import depth, timed

    if min(lengths, default=0) < 1 or d_model < 4 or d_model % 4:
        raise ConfigError(f"lengths={list(lengths)} must be at least 1 and d_model={d_model} a multiple of 4 (heads)")
    with torch.random.fork_rng():
        layers = {"recurrence": Recurrent(d_model), "self-attention": AttentionLayer(d_model)}
    return [
        Waiting(name, length, depth(layer, length, d_model),
                timed(layer, length, d_model, repeats) if repeats else float("nan"))
        for name, layer in layers.items() for length in lengths
    ]  # fmt: skip


def parallel(lengths: Sequence[int] = LENGTHS, d_model: int = D_MODEL) -> Picture:
    """The chains against the length; times are no part of the picture, which is the same on every machine."""
    series: dict[str, list[tuple[float, float]]] = {}
    for one in measure(lengths, d_model):
        series.setdefault(one.layer, []).append((float(one.length), float(one.chain)))
    ends = "; ".join(f"{name} {points[0][1]:.0f} to {points[-1][1]:.0f}" for name, points in series.items())
    alt = f"Operations on the longest chain, from {lengths[0]} to {lengths[-1]} words: {ends}."
    return line_chart(series, x="words", y="operations that wait", alt=alt)
