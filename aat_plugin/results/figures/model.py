"""Figure 1 drawn from a config: both stacks with the shapes that flow and the parameters that each part has.

The order of norm and sum, final norms, shared matrices and kinds of positions are the config's; counts are those of
`architecture.cost`, which tests hold against built models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import parameters
from aat_plugin.results.charts import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As in the paper's figure, in colours that bear black letters.
FILLS = {"attention": "#ffe1bb", "feed-forward": "#c2e8f7", "norm": "#f2f3c1", "embedding": "#fce0e1",
         "linear": "#dcdfef", "softmax": "#cbe7cf"}  # fmt: skip
ENCODER, DECODER, WIDTH = 2.6, 7.4, 2.9
"""Where the middle of each stack is, and how wide a box."""


@dataclass(frozen=True)
class Part:
    """A box.

    Attributes:
        kind: whose colour it has.
        text: its lines.
        enters: "self" or "source" for attention; what goes round it into the sum otherwise.
    """

    kind: str
    text: str
    enters: str = ""


def model(config: TransformerConfig, title: str = "") -> Picture:
    """The model of `config`, with shapes in symbols and in its numbers.

    Args:
        config: sizes and choices.
        title: what it is called.
    """
    counts = parameters(config)
    height = _top(decoder_layer(config)) + (2.7 if config.has_final_norm else 2.1)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        axes.set(xlim=(0, 10.6), ylim=(0, height))
        axes.axis("off")
        _stack(axes, ENCODER, encoder_layer(config), f"{config.num_layers}×")
        _stack(axes, DECODER, decoder_layer(config), f"{config.num_layers}×")
        _below(axes, ENCODER, config, "source", "src_len")
        _below(axes, DECODER, config, "target, shifted right", "tgt_len")
        _memory(axes, config)
        _above(axes, config)
        axes.set_title(f"{title + ': ' if title else ''}{counts.total:,} parameters", fontsize="medium")

    order = "norm before each sub-layer" if config.normalize_before else "norm after each residual sum"
    return Picture(
        draw,
        f"Figure 1 of the paper with this model's numbers: encoder and decoder of {config.num_layers} layers each, "
        f"d_model {config.d_model}, d_ff {config.d_ff}, {config.num_heads} heads of d_k {config.d_k} and d_v "
        f"{config.d_v}, {order}; {counts.total:,} parameters, of them {counts.attention:,} in attention, "
        f"{counts.feed_forward:,} in feed-forward networks and {counts.embeddings:,} in embeddings.",
        size=(7.4, 0.7 * height),
    )


def encoder_layer(config: TransformerConfig) -> list[Part]:
    """The boxes of an encoder layer, from below."""
    return _sublayers(config, [_attention(config, "multi-head self-attention", "self"), _feed_forward(config)])


def decoder_layer(config: TransformerConfig) -> list[Part]:
    """The boxes of a decoder layer, from below."""
    return _sublayers(config, [
        _attention(config, "masked multi-head self-attention", "self"),
        _attention(config, "multi-head attention over the source", "source"), _feed_forward(config),
    ])  # fmt: skip


def _sublayers(config: TransformerConfig, inner: list[Part]) -> list[Part]:
    """With the residual sum and the norm of each, in the config's order."""
    dropout = f"dropout {config.dropout:g}, " if config.dropout else ""
    norm = f"{2 * config.d_model:,} parameters"
    if config.normalize_before:
        return [box for part in inner
                for box in (Part("norm", f"norm · {norm}"), part, Part("norm", f"{dropout}add"))]  # fmt: skip
    return [box for part in inner for box in (part, Part("norm", f"{dropout}add & norm · {norm}"))]


def _attention(config: TransformerConfig, name: str, enters: str) -> Part:
    count = parameters(replace(config, num_layers=1)).attention // 3
    r = config.restricted_attention
    near = f", within r = {r}" if r is not None and enters == "self" else ""
    sizes = f"h {config.num_heads}, d_k {config.d_k}, d_v {config.d_v}{near}"
    return Part("attention", f"{name}\n{sizes}\n{count:,} parameters", enters)


def _feed_forward(config: TransformerConfig) -> Part:
    count = parameters(replace(config, num_layers=1)).feed_forward // 2
    return Part("feed-forward", f"feed-forward\n{config.d_model} → {config.d_ff} → {config.d_model}, ReLU\n"
                                f"{count:,} parameters")  # fmt: skip


def _heights(parts: list[Part]) -> list[float]:
    return [0.42 if part.kind == "norm" else 0.98 for part in parts]


BASE, GAP = 3.4, 0.26
"""Where layers begin, and the room between boxes."""


def _stack(axes: Axes, middle: float, parts: list[Part], times: str) -> None:
    """A layer with its frame, from below, and the ways round each sub-layer."""
    from matplotlib.patches import FancyBboxPatch

    y = BASE + 0.35
    entry = BASE
    for part, height in zip(parts, _heights(parts), strict=True):
        _box(axes, middle, y, height, part)
        _arrow(axes, middle, y - GAP, middle, y)
        if "add" in part.text:  # what came in before the sub-layer goes round it
            side = middle - WIDTH / 2 - 0.22
            axes.plot([middle, side, side], [entry + 0.08, entry + 0.08, y + height / 2], color=_ink(), linewidth=0.8)
            _arrow(axes, side, y + height / 2, middle - WIDTH / 2, y + height / 2)
            entry = y + height
        y += height + GAP
    top = y - GAP + 0.15
    axes.add_patch(FancyBboxPatch(
        (middle - WIDTH / 2 - 0.42, BASE - 0.02), WIDTH + 0.84, top - BASE, boxstyle="round,pad=0,rounding_size=0.2",
        fill=False, edgecolor=_ink(), linewidth=1.0, linestyle=(0, (4, 2)),
    ))  # fmt: skip
    axes.text(middle + (WIDTH / 2 + 0.55) * (1 if middle == DECODER else -1), (BASE + top) / 2, times, fontsize="large",
              ha="left" if middle == DECODER else "right", va="center")  # fmt: skip


def _top(parts: list[Part]) -> float:
    return BASE + 0.35 + sum(_heights(parts)) + GAP * len(parts)


def _below(axes: Axes, middle: float, config: TransformerConfig, name: str, length: str) -> None:
    """Tokens, embedding, positions."""
    side = "source" if middle == ENCODER else "target"
    vocabulary = config.source_vocabulary if side == "source" else config.target_vocabulary
    shared = side == "target" and config.share_all_embeddings
    count = "shared with the source" if shared else f"{vocabulary * config.d_model:,} parameters"
    kind = "learned" if config.learned_positions else f"sinusoids, {config.position_layout}"
    _box(axes, middle, 0.95, 0.72, Part("embedding", f"embedding × √{config.d_model}\nV {vocabulary:,}, {count}"))
    _arrow(axes, middle, 0.6, middle, 0.95)
    axes.text(middle, 0.3, f"{name}\n(batch, {length})", ha="center", va="center", fontsize="x-small")
    _arrow(axes, middle, 1.67, middle, 1.98)
    drop = f"dropout {config.dropout:g}" if config.dropout else "no dropout"
    extra = "+ target space, " if config.target_space_embedding and side == "source" else ""
    _box(axes, middle, 1.98, 0.72, Part("embedding", f"+ positions ({kind})\n{extra}{drop}"))
    _arrow(axes, middle, 2.7, middle, BASE + 0.35)
    axes.text(middle + 0.12, 3.06, f"(batch, {length}, {config.d_model})", fontsize="x-small", va="center")


def _memory(axes: Axes, config: TransformerConfig) -> None:
    """The encoder's output, up and over into each decoder layer's second attention."""
    top = _top(encoder_layer(config))
    y = top
    if config.has_final_norm:
        _box(axes, ENCODER, y + 0.25, 0.42, Part("norm", f"norm · {2 * config.d_model:,} parameters"))
        y += 0.67
    parts = decoder_layer(config)
    heights = _heights(parts)
    index = next(place for place, part in enumerate(parts) if part.enters == "source")
    into = BASE + 0.35 + sum(heights[:index]) + GAP * index + heights[index] / 2
    between = (ENCODER + DECODER) / 2
    over = y + 0.5
    path = [ENCODER, ENCODER, between, between], [top - GAP, over, over, into]
    axes.plot(*path, color=_ink(), linewidth=0.8, zorder=0)
    _arrow(axes, between, into, DECODER - WIDTH / 2, into)
    axes.text(ENCODER + 0.1, over + 0.12, f"memory (batch, src_len, {config.d_model})", fontsize="x-small", va="bottom")


def _above(axes: Axes, config: TransformerConfig) -> None:
    """What follows the decoder."""
    y = _top(decoder_layer(config)) + 0.22
    _arrow(axes, DECODER, y - 0.48, DECODER, y)
    if config.has_final_norm:
        _box(axes, DECODER, y, 0.42, Part("norm", f"norm · {2 * config.d_model:,} parameters"))
        _arrow(axes, DECODER, y + 0.42, DECODER, y + 0.68)
        y += 0.68
    shared = config.share_decoder_input_output_embed
    own = f"{config.target_vocabulary * config.d_model:,} parameters"
    text = f"linear\n{config.d_model} → {config.target_vocabulary:,}, {'the embedding’s matrix' if shared else own}"
    _box(axes, DECODER, y, 0.72, Part("linear", text))
    _arrow(axes, DECODER, y + 0.72, DECODER, y + 0.98)
    _box(axes, DECODER, y + 0.98, 0.42, Part("softmax", "softmax"))
    axes.text(DECODER, y + 1.62, f"probabilities (batch, tgt_len, {config.target_vocabulary:,})", ha="center",
              va="center", fontsize="x-small")  # fmt: skip


def _box(axes: Axes, middle: float, y: float, height: float, part: Part) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(FancyBboxPatch(
        (middle - WIDTH / 2, y), WIDTH, height, boxstyle="round,pad=0,rounding_size=0.1", facecolor=FILLS[part.kind],
        edgecolor="#444444", linewidth=0.8,
    ))  # fmt: skip
    axes.text(middle, y + height / 2, part.text, ha="center", va="center", fontsize=6.2, color="#111111",
              linespacing=1.35)  # fmt: skip


def _arrow(axes: Axes, x1: float, y1: float, x2: float, y2: float) -> None:
    axes.annotate("", (x2, y2), (x1, y1), arrowprops={"arrowstyle": "-|>", "color": _ink(), "linewidth": 0.8,
                                                      "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7})  # fmt: skip


def _ink() -> str:
    """The colour of text in this picture: the page's, or black."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])
