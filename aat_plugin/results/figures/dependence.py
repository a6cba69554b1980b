"""Who sees whom: which inputs an output depends on, found by differentiating the layers that models are built of.

Point-wise means that the square is a diagonal (Section 3.3); self-attention fills it, the mask (3.2.3) halves it. The
whole model's square holds what BERT, GPT and T5 each took of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

SOURCE = ("our", "aunt", "calls", "our", "girl")
TARGET = ("</s>", "unsere", "Tante", "ruft")
"""What the decoder reads: the target shifted right, whose first place is the end symbol."""


def layers() -> dict[str, Tensor]:
    """Layer → (positions, positions), True where an output (row) depends on an input (column)."""
    import torch
    from torch import nn

    from aat_plugin.architecture.feed_forward import feed_forward
    from aat_plugin.architecture.masks import subsequent_mask
    from aat_plugin.results.layer_kinds import AttentionLayer, Recurrent
    from aat_plugin.results.path_length import WIDTH, dependencies

    class FeedForward(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            return feed_forward(x, self.fc1, self.fc2)

    class Masked(AttentionLayer):
        def forward(self, x: Tensor) -> Tensor:
            later = subsequent_mask(x.size(1), x.size(1), x.device)
            out: Tensor = self.attention(x, *self.attention.project_memory(x), later)[0]
            return out

    with torch.random.fork_rng():
        torch.manual_seed(1)
        kinds = {"feed-forward": FeedForward(), "self-attention": AttentionLayer(WIDTH),
                 "masked self-attention": Masked(WIDTH), "recurrence": Recurrent(WIDTH)}  # fmt: skip
        return {name: dependencies(layer, len(SOURCE)) for name, layer in kinds.items()}


def whole_model() -> Tensor:
    """The same of both stacks: rows are the encoder's outputs and the decoder's, columns the source and the target."""
    import torch
    from torch import nn

    from aat_plugin.architecture import Transformer, TransformerConfig
    from aat_plugin.architecture.masks import key_padding_mask
    from aat_plugin.architecture.stacks import EncoderOutput
    from aat_plugin.results.path_length import WIDTH, dependencies

    class Stacks(nn.Module):
        """Embeddings in, both stacks' features out: the model without the looking up."""

        def __init__(self) -> None:
            super().__init__()
            sizes = dict(num_layers=2, d_model=WIDTH, d_ff=16, num_heads=2, d_k=2, d_v=2)
            self.model = Transformer(TransformerConfig(8, 8, **sizes)).eval()  # type: ignore[arg-type]

        def forward(self, x: Tensor) -> Tensor:
            source, target = x[:, : len(SOURCE)], x[:, len(SOURCE) :]
            nowhere = torch.zeros(source.shape[:2], dtype=torch.bool)
            for layer in self.model.encoder.layers:
                source = layer(source, key_padding_mask(nowhere))
            memory = EncoderOutput(source, nowhere)
            mask = self.model.decoder.self_mask(torch.zeros(target.shape[:2], dtype=torch.bool), len(TARGET))
            for index, layer in enumerate(self.model.decoder.layers):
                target, _ = layer(target, mask, memory, None, index)
            return torch.cat([source, target], dim=1)

    with torch.random.fork_rng():
        torch.manual_seed(1)
        return dependencies(Stacks(), len(SOURCE) + len(TARGET))


def dependence() -> Picture:
    """The squares of single layers, side by side."""
    found = layers()

    def draw(figure: Figure) -> None:
        for index, (axes, (name, square)) in enumerate(zip(figure.subplots(1, 4), found.items(), strict=True)):
            _square(axes, square, SOURCE, SOURCE if index == 0 else [""] * len(SOURCE))
            axes.set_title(name, fontsize=8)

    counts = ", ".join(f"{name} {int(square.sum())}" for name, square in found.items())
    return Picture(
        draw,
        f"Rows are output positions, columns input positions of {len(SOURCE)} words; a filled cell means that the "
        f"output depends on the input. Filled of {len(SOURCE) ** 2}: {counts}. The feed-forward network fills the "
        "diagonal alone.",
        size=(7.0, 2.3),
    )


def families() -> Picture:
    """The whole model's square, and whose it became."""
    found = whole_model()
    source = len(SOURCE)

    def draw(figure: Figure) -> None:
        from matplotlib.patches import Rectangle

        axes = figure.add_subplot()
        words = [*SOURCE, *TARGET]
        _square(axes, found, words, words, fontsize=8)
        for left, top, width, height, index, name in (
            (0, 0, source, source, 1, "BERT"), (source, source, len(TARGET), len(TARGET), 5, "GPT"),
        ):  # fmt: skip
            axes.add_patch(Rectangle((left - 0.46, top - 0.46), width - 0.08, height - 0.08, fill=False, linewidth=2.5,
                                     edgecolor=colour(index)))  # fmt: skip
            axes.text(left + width / 2 - 0.5, top + height / 2 - 0.5, name, ha="center", va="center", fontsize=15,
                      fontweight="bold", bbox={"facecolor": "white", "edgecolor": "none", "pad": 2})  # fmt: skip
        axes.text(len(words) - 0.2, source / 2 - 0.5, "encoder", va="center", fontsize=9)
        axes.text(len(words) - 0.2, source + len(TARGET) / 2 - 0.5, "decoder", va="center", fontsize=9)
        axes.set_title("all of it: T5", fontsize=12, fontweight="bold", pad=46)

    return Picture(
        draw,
        "Rows are outputs of the encoder and the decoder, columns the source's and the target's words. The encoder's "
        "square over the source is full: BERT. The decoder's square over the target is a triangle: GPT. The decoder "
        "also sees the whole source, and the encoder sees no target: both together are T5.",
        size=(4.6, 4.4),
    )


def _square(axes: Axes, square: Tensor, columns: Sequence[str], rows: Sequence[str], fontsize: int = 7) -> None:
    """Cells, filled where True, with names above and on the left."""
    from matplotlib.patches import Rectangle

    for i, row in enumerate(square.tolist()):
        for j, filled in enumerate(row):
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=colour(0) if filled else "white",
                                     edgecolor="#888888", linewidth=0.6))  # fmt: skip
    axes.set(xlim=(-0.5, square.size(1) - 0.5), ylim=(square.size(0) - 0.5, -0.5), aspect="equal")
    axes.set_xticks(range(square.size(1)), columns, rotation=60, ha="left", rotation_mode="anchor", fontsize=fontsize)
    axes.set_yticks(range(square.size(0)), rows, fontsize=fontsize)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
