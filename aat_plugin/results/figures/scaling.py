"""Section 3.2.1's footnote as a picture: what the root of d_k does to the softmax of scores.

Queries and keys of unit variance give products of variance d_k. Everything is computed by `architecture.attention`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = (4, 8, 16, 32, 64, 128, 256, 512)
DRAWS, SEED = 400, 1


class Softness(NamedTuple):
    """Means over random queries and keys of one width.

    Attributes:
        variance: of a product before it is scaled.
        largest: the largest of a query's weights.
        passed: 1 - Σ w², the trace of the softmax's Jacobian: what gradients get through.
    """

    variance: float
    largest: float
    passed: float


def softness(d_k: int, keys: int, *, scaled: bool) -> Softness:
    """How soft attention is for queries and keys drawn from Normal(0, 1).

    Args:
        d_k: their width.
        keys: how many keys a query chooses from.
        scaled: divided by the root of d_k, as in Eq. 1; else the queries are multiplied by it beforehand.
    """
    import torch

    from aat_plugin.architecture.attention import scaled_dot_product_attention

    generator = torch.Generator().manual_seed(SEED)
    query, key = (
        torch.randn(DRAWS, 1, length, d_k, generator=generator, dtype=torch.float64) for length in (1, keys)
    )
    products = query @ key.transpose(-2, -1)
    _, weights = scaled_dot_product_attention(query if scaled else query * math.sqrt(d_k), key, key, None)
    return Softness(
        products.square().mean().item(), weights.amax(-1).mean().item(), 1 - weights.square().sum(-1).mean().item()
    )


def scaling(keys: int = 10) -> Picture:
    """The largest weight and what gradients get through, against d_k, with and without the root.

    Raises:
        ConfigError: fewer than two keys.
    """
    if keys < 2:
        raise ConfigError(f"keys={keys} must be at least 2: one key alone always has weight 1")
    found = {
        name: [softness(d_k, keys, scaled=scaled) for d_k in WIDTHS]
        for name, scaled in (("Q Kᵀ / √d_k", True), ("Q Kᵀ alone", False))
    }

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        for index, (name, rows) in enumerate(found.items()):
            for axes, values in ((left, [row.largest for row in rows]), (right, [row.passed for row in rows])):
                axes.plot(WIDTHS, values, color=colour(index), linestyle="-" if index == 0 else "--", label=name,
                          marker="o", markersize=3)  # fmt: skip
        for axes, title in ((left, f"largest of {keys} weights"), (right, "gradient through the softmax: 1 − Σ w²")):
            axes.set(title=title, xscale="log", ylim=(0, 1.02), xlabel="d_k")
            axes.title.set_fontsize("medium")
            axes.set_xticks([4, 16, 64, 256], ["4", "16", "64", "256"])
            axes.minorticks_off()
        left.legend(frameon=False, fontsize="small", loc="lower right")

    scaled, bare = (rows[-1] for rows in found.values())
    return Picture(
        draw,
        f"Random queries choose from {keys} keys. Divided by the root of d_k the largest weight stays near "
        f"{scaled.largest:.2f} at every width; undivided it reaches {bare.largest:.2f} at d_k {WIDTHS[-1]}, and the "
        f"gradient that passes falls from {found['Q Kᵀ alone'][0].passed:.2f} to {bare.passed:.2f}.",
        size=(6.8, 3.0),
    )
