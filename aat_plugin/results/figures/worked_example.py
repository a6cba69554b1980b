"""Figure 2 as a worked example: three words, numbers that can be followed by hand, every step of Eq. 1, then two heads.

Queries, keys and values are chosen; everything else is computed by `architecture.attention`, the code that models use.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aat_plugin.results.charts import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

WORDS = ("it", "is", "tired")
QUERIES = ((2, 0, 2, 0), (0, 2, 0, 2), (1, 1, 1, 1))
KEYS = ((2, 0, 2, 0), (0, 2, 0, 2), (2, 2, 0, 0))
VALUES = ((10, 0), (0, 10), (4, 4))
OTHER_QUERIES = ((0, 2, 0, 2), (2, 0, 2, 0), (2, 0, 0, 0))
OUTPUT = ((1, 0, 0.5), (0, 1, 0), (0.5, 0, 1), (0, 0.5, 0))
"""The second head's queries (its keys and values are the first one's), and W^O: (h · d_v, d_model), 4 × 3."""


def steps(masked: bool = False) -> dict[str, Any]:
    """Every number of the picture.

    Args:
        masked: hide what comes later, as the decoder does (Section 3.2.3).

    Returns:
        name → tensor: Q, K, V, products (Q K^T), scaled, weights, head, other (the second head), joined and output.
    """
    import torch

    from aat_plugin.architecture.attention import scaled_dot_product_attention
    from aat_plugin.architecture.masks import subsequent_mask

    query, other, key, value, matrix = (
        torch.tensor(rows, dtype=torch.float64) for rows in (QUERIES, OTHER_QUERIES, KEYS, VALUES, OUTPUT)
    )
    mask = subsequent_mask(3, 3, torch.device("cpu")) if masked else None

    def attend(rows: Tensor) -> tuple[Tensor, Tensor]:
        mixed, weights = scaled_dot_product_attention(rows[None, None], key[None, None], value[None, None], mask)
        return mixed[0, 0], weights[0, 0]

    products = query @ key.T
    scaled = products / math.sqrt(key.size(1))
    if mask is not None:
        scaled = scaled.masked_fill(mask, float("-inf"))
    head, weights = attend(query)
    second, _ = attend(other)
    joined = torch.cat([head, second], dim=1)
    return {"Q": query, "K": key, "V": value, "products": products, "scaled": scaled, "weights": weights, "head": head,
            "other": second, "joined": joined, "matrix": matrix, "output": joined @ matrix}  # fmt: skip


def worked_example(masked: bool = False) -> Picture:
    """Left in the paper's Figure 2: scaled dot-product attention; right: two heads, joined and projected.

    Args:
        masked: hide what comes later.
    """

    def draw(figure: Figure) -> None:
        found = steps(masked)
        axes = figure.add_subplot()
        axes.set(xlim=(-0.2, 19.0), ylim=(-13.3, 0.5))
        axes.set_aspect("equal")
        axes.axis("off")
        y = -0.4
        at = _matrix(axes, 1.2, y, found["Q"], "Q (3 × d_k 4)", WORDS)
        at = _sign(axes, at, y, "·")
        at = _matrix(axes, at, y, found["K"].T, "Kᵀ (4 × 3)")
        at = _sign(axes, at, y, "=")
        at = _matrix(axes, at, y, found["products"], "Q Kᵀ")
        hint = "÷ √4 = 2, masked" if masked else "÷ √d_k = √4 = 2"
        at = _sign(axes, at, y, "→")
        _matrix(axes, at, y, found["scaled"], hint)
        y = -5.1
        at = _matrix(axes, 1.2, y, found["weights"], "softmax of each row", WORDS)
        at = _sign(axes, at, y, "·")
        at = _matrix(axes, at, y, found["V"], "V (3 × d_v 2)")
        at = _sign(axes, at, y, "=")
        at = _matrix(axes, at, y, found["head"], "head 1")
        at += 1.4
        at = _matrix(axes, at, y, found["other"], "head 2")
        y = -9.3
        at = _matrix(axes, 1.2, y, found["joined"], "Concat(head 1, head 2)", WORDS)
        at = _sign(axes, at, y, "·")
        at = _matrix(axes, at, y + 0.1, found["matrix"], "Wᴼ (4 × 3)")
        at = _sign(axes, at, y, "=")
        _matrix(axes, at, y, found["output"], "MultiHead(Q, K, V)")

    found = steps(masked)
    first = [f"{one:.2f}" for one in found["weights"][0].tolist()]
    return Picture(
        draw,
        f"Scaled dot-product attention by hand for the words {', '.join(WORDS)}: queries times keys give "
        f"{_row(found['products'][0])} for the first word, the root of d_k 4 makes it {_row(found['scaled'][0])}, the "
        f"softmax {', '.join(first)}, and the values mixed by these give {_row(found['head'][0])}. Two such heads side "
        "by side, times a matrix, are the output.",
        size=(6.8, 5.2),
    )


def _row(row: Tensor) -> str:
    return "(" + ", ".join(_number(one) for one in row.tolist()) + ")"


def _number(value: float) -> str:
    if math.isinf(value):
        return "−∞"
    return f"{value:.0f}" if value == round(value) else f"{value:.2f}"


def _matrix(axes: Axes, left: float, y: float, rows: Tensor, title: str, names: tuple[str, ...] = ()) -> float:
    """Cells with numbers, shaded by size; returns where the next thing may stand."""
    from matplotlib.patches import Rectangle

    finite = [abs(one) for one in rows.flatten().tolist() if math.isfinite(one)]
    largest = max(finite, default=1.0) or 1.0
    for i, row in enumerate(rows.tolist()):
        if names:
            axes.text(left - 0.15, y - i * 0.9 - 0.45, names[i], ha="right", va="center", style="italic", fontsize=8)
        for j, value in enumerate(row):
            shade = min(abs(value) / largest, 1.0) * 0.55 if math.isfinite(value) else 0.0
            corner, fill = (left + j * 1.1, y - (i + 1) * 0.9), (0.0, 0.447, 0.698, shade)
            axes.add_patch(Rectangle(corner, 1.1, 0.9, facecolor=fill, edgecolor="#888888", linewidth=0.6))
            axes.text(left + j * 1.1 + 0.55, y - i * 0.9 - 0.45, _number(value), ha="center", va="center", fontsize=7)
    width = rows.size(1) * 1.1
    axes.text(left + width / 2, y + 0.16, title, ha="center", va="bottom", fontsize=7)
    return left + width


def _sign(axes: Axes, left: float, y: float, sign: str) -> float:
    axes.text(left + 0.45, y - 1.35, sign, ha="center", va="center", fontsize="large")
    return left + 0.9
