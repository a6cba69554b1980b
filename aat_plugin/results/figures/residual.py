"""Section 3.1 as a picture: what the residual and the norm are for, in a deep encoder before any training.

Without the residual, attention averages until all positions hold the same vector; without the norm, sums grow from
layer to layer. The layers are `architecture.stacks.EncoderLayer`, whose parts are called with one of them left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor
    from torch.nn import LayerNorm

LENGTH, WIDTH, SEED = 12, 64, 1
FORMS = ("as in the paper", "without the residual", "without the norm")
Joined = Callable[["Tensor", "Tensor", "LayerNorm"], "Tensor"]
JOINS: dict[str, Joined] = {
    FORMS[0]: lambda x, inner, norm: norm(x + inner),
    FORMS[1]: lambda x, inner, norm: norm(inner),
    FORMS[2]: lambda x, inner, norm: x + inner,
}
"""Form → how a sub-layer's input and output become the next one's input."""


def outputs(form: str, num_layers: int) -> list[Tensor]:
    """What goes into the first layer and comes out of each, (LENGTH, WIDTH).

    Args:
        form: a key of `JOINS`.
        num_layers: N.
    """
    import torch

    from aat_plugin.architecture import Transformer, TransformerConfig
    from aat_plugin.architecture.stacks import EncoderLayer

    join = JOINS[form]
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        config = TransformerConfig(8, 8, num_layers, WIDTH, 4 * WIDTH, num_heads=4, d_k=16, d_v=16)
        encoder = Transformer(config).encoder.double().eval()
        x = torch.randn(1, LENGTH, WIDTH, dtype=torch.float64)
    nowhere = torch.zeros(1, 1, 1, LENGTH, dtype=torch.bool)
    found = [x[0]]
    with torch.no_grad():
        for layer in encoder.layers:
            assert isinstance(layer, EncoderLayer)
            attended = layer.attend_self(x, *layer.self_attn.project_memory(x), nowhere)
            x = join(x, attended, layer.self_attn_layer_norm)
            x = join(x, layer.feed_forward(x), layer.final_layer_norm)
            found.append(x[0])
    return found


def likeness(vectors: Tensor) -> float:
    """The mean cosine of two different positions' vectors (length, d): 1 where all point the same way."""
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    length = vectors.size(0)
    return float(((unit @ unit.T).sum() - length) / (length * (length - 1)))


def size(vectors: Tensor) -> float:
    """The root of the mean square of all numbers."""
    return float(vectors.square().mean().sqrt())


def residual(num_layers: int = 6) -> Picture:
    """How alike positions are and how large numbers are, after each of N layers.

    Raises:
        ConfigError: no layers.
    """
    if num_layers < 1:
        raise ConfigError(f"num_layers={num_layers} must be at least 1")
    found = {form: outputs(form, num_layers) for form in FORMS}

    def draw(figure: Figure) -> None:
        alike, large = figure.subplots(1, 2)
        for index, (form, vectors) in enumerate(found.items()):
            style = {"color": colour(index), "linestyle": ("-", "--", ":")[index]}
            alike.plot([likeness(one) for one in vectors], label=form, **style)
            large.plot([size(one) for one in vectors], **style)
        alike.set(title="how alike two positions are", xlabel="layers passed", ylabel="mean cosine", ylim=(-0.15, 1.05))
        large.set(title="how large the numbers are", xlabel="layers passed", ylabel="root mean square", ylim=(0, None))
        for axes in (alike, large):
            axes.title.set_fontsize("medium")
        figure.legend(frameon=False, fontsize="small", loc="outside lower center", ncols=3)

    last = {form: vectors[-1] for form, vectors in found.items()}
    return Picture(
        draw,
        f"An untrained encoder of {num_layers} layers. With residual and norm two positions' vectors have cosine "
        f"{likeness(last[FORMS[0]]):.2f} at the end; without the residual {likeness(last[FORMS[1]]):.2f}, they have "
        f"become one. Without the norm numbers grow from {size(found[FORMS[2]][0]):.1f} to {size(last[FORMS[2]]):.1f}.",
        size=(6.8, 3.2),
    )
