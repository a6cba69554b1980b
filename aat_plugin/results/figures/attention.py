"""Figures 3 to 5: what the heads of a trained model attend to, as heat maps of all of them and as lines of one layer.

Read `attention_page` next, which lets a reader choose, and `constituents`, which counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aat_plugin.errors import ConfigError, choose
from aat_plugin.results import fonts
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from aat_plugin.bindings.attention_reader import Attended

KINDS = {
    "encoder-self": "encoder self-attention",
    "decoder-self": "decoder self-attention",
    "cross": "attention from the decoder to the source",
}
FAINT = 0.04
"""Weights below are not drawn as lines."""
GRID_SHOWS_WORDS = 14
"""Tokens of a side at most, for a grid of heat maps to have their names on it."""


@dataclass(frozen=True)
class Heads:
    """One kind of attention of one sentence.

    Attributes:
        kind: a key of `KINDS`.
        weights: (layers, heads, queries, keys).
        queries: a name for each: the source's token, or the word that the decoder says from there.
        keys: likewise: the source's token, or the word that the decoder has read.
    """

    kind: str
    weights: Tensor
    queries: Sequence[str]
    keys: Sequence[str]


def heads_of(attended: Attended, kind: str) -> Heads:
    """One kind out of what was read.

    Raises:
        ConfigError: there is no such kind.
    """
    choose("kind", kind, KINDS)
    if kind == "encoder-self":
        return Heads(kind, attended.encoder_self, attended.source, attended.source)
    if kind == "decoder-self":
        return Heads(kind, attended.decoder_self, attended.said, attended.read)
    return Heads(kind, attended.cross, attended.said, attended.source)


def letters(heads: Heads) -> tuple[tuple[str, ...], list[str]]:
    """Fonts for the tokens, and letters that no installed font holds; see `fonts.families`."""
    return fonts.families([*heads.queries, *heads.keys])


def grid(heads: Heads) -> Picture:
    """Heat maps of every layer and head; rows are queries, columns keys, dark is much."""
    layers, number, num_queries, num_keys = heads.weights.shape
    named = max(num_queries, num_keys) <= GRID_SHOWS_WORDS

    def draw(figure: Figure) -> None:
        maps = figure.subplots(layers, number, squeeze=False)
        for layer, row in enumerate(maps):
            for head, axes in enumerate(row):
                axes.imshow(heads.weights[layer, head].numpy(), cmap="Blues", vmin=0, vmax=1, aspect="auto",
                            interpolation="nearest")  # fmt: skip
                axes.set_xticks(range(num_keys) if named and layer == layers - 1 else [])
                axes.set_yticks(range(num_queries) if named and head == 0 else [])
                if named and layer == layers - 1:
                    axes.set_xticklabels([_plain(key) for key in heads.keys], rotation=90, fontsize=6)
                if named and head == 0:
                    axes.set_yticklabels([_plain(query) for query in heads.queries], fontsize=6)
                axes.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=6, pad=2)
                axes.spines[["top", "right"]].set_visible(True)

    side = 1.0 if named else 0.9
    return Picture(
        draw, f"{KINDS[heads.kind]} of all {layers} layers and {number} heads as heat maps, a query a row. "
              f"{_strongest(heads)}",
        size=(max(3.0, side * number + 1.2), max(2.6, side * layers + 1.2)), families=letters(heads)[0],
    )  # fmt: skip


def lines(heads: Heads, layer: int, chosen: Sequence[int] = (), token: int | None = None) -> Picture:
    """Queries on the left, keys on the right, a line as wide as the weight, a colour a head; as in Figures 3 to 5.

    Args:
        heads: see `Heads`.
        layer: from 1.
        chosen: heads, from 1; default all.
        token: one query alone, from 1.

    Raises:
        ConfigError: no such layer, head or token.
    """
    layers, number, num_queries, num_keys = heads.weights.shape
    shown = list(chosen) or list(range(1, number + 1))
    for name, value, most in (("layer", layer, layers), *(("head", one, number) for one in shown),
                              ("token", token or 1, num_queries)):  # fmt: skip
        if not 1 <= value <= most:
            raise ConfigError(f"{name} {value} is not one of 1 to {most}")
    rows = range(num_queries) if token is None else [token - 1]

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set(xlim=(-0.9, 1.9), ylim=(max(num_queries, num_keys) + 0.2, -1.4))
        axes.axis("off")
        for names, x, align in ((heads.queries, -0.03, "right"), (heads.keys, 1.03, "left")):
            for place, name in enumerate(names):
                axes.text(x, place, _plain(name), ha=align, va="center", fontsize=9)
        for head in shown:
            for query in rows:
                for key, weight in enumerate(heads.weights[layer - 1, head - 1, query].tolist()):
                    if weight >= FAINT:
                        axes.plot([0, 1], [query, key], color=colour(head - 1), linewidth=2.6 * weight,
                                  alpha=0.25 + 0.7 * weight, solid_capstyle="round")  # fmt: skip
        for index, head in enumerate(shown):
            axes.text(0.5 + (index - (len(shown) - 1) / 2) * 0.16, -1.0, str(head), color="#111111", fontsize=7,
                      ha="center", va="center", bbox={"boxstyle": "square,pad=0.35", "facecolor": colour(head - 1),
                                                      "edgecolor": "none", "alpha": 0.8})  # fmt: skip

    one = Heads(heads.kind, heads.weights[layer - 1 : layer, [head - 1 for head in shown]], heads.queries, heads.keys)
    return Picture(
        draw, f"{KINDS[heads.kind]}, layer {layer} of {layers}, heads {', '.join(map(str, shown))}: lines from each "
              f"word on the left to what it looks at on the right. {_strongest(one, layer, shown)}",
        size=(5.2, max(2.2, 0.26 * (max(num_queries, num_keys) + 2))), families=letters(heads)[0],
    )  # fmt: skip


def _strongest(heads: Heads, layer: int | None = None, names: Sequence[int] = ()) -> str:
    """The largest weight between two different places, in words."""
    weights = heads.weights.clone()
    if heads.kind != "cross":
        weights.diagonal(dim1=-2, dim2=-1).zero_()
    place = int(weights.argmax())
    *where, query, key = _unravel(place, tuple(weights.shape))
    head = names[where[1]] if names else where[1] + 1
    return (
        f"The largest weight between two places, {float(weights.flatten()[place]):.2f}, is from "
        f"“{heads.queries[query]}” to “{heads.keys[key]}” in layer {layer or where[0] + 1}, head {head}."
    )


def _unravel(place: int, shape: tuple[int, ...]) -> list[int]:
    found: list[int] = []
    for size in reversed(shape):
        found.insert(0, place % size)
        place //= size
    return found


def _plain(token: str) -> str:
    """A token as matplotlib takes it literally: a dollar sign would begin a formula."""
    return token.replace("$", r"\$")


