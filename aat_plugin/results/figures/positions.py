"""Section 3.5 as a picture: the sinusoids, a few of them as waves, and how alike two positions are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVES = (0, 1, 2, 3)
"""Which pairs of channels are drawn as waves, as shares of 1/8 of all pairs."""


def positions(num_positions: int = 100, d_model: int = 512, layout: str = "interleaved", frequencies: str = "paper"
              ) -> Picture:  # fmt: skip
    """PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i+1) = cos(…), from the table that the model adds.

    Raises:
        ConfigError: no positions, or an odd width.
    """
    if num_positions < 2 or d_model < 8 or d_model % 2:
        raise ConfigError(f"positions={num_positions} must be at least 2 and d_model={d_model} even and at least 8")

    def draw(figure: Figure) -> None:
        import numpy as np

        from aat_plugin.architecture.positional_encoding import sinusoids

        table = sinusoids(num_positions, d_model, layout, frequencies).numpy()
        grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
        whole, waves, alike = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        sorted_table = table if layout == "halves" else np.concatenate([table[:, 0::2], table[:, 1::2]], axis=1)
        shown = whole.imshow(sorted_table, aspect="auto", cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
        whole.set(xlabel="channels: sines, then cosines", ylabel="position", title="PE(pos, channel)")
        ticks = range(0, d_model, d_model // 4)
        step = 1 if layout == "halves" else 2
        whole.set_xticks(ticks, [str(one if step == 1 else one * 2 % d_model + (2 * one >= d_model)) for one in ticks])
        figure.colorbar(shown, ax=whole, location="bottom", shrink=0.6)
        for index, share in enumerate(WAVES):
            pair = share * (d_model // 16)
            channel = 2 * pair if layout == "interleaved" else pair
            waves.plot(table[:, channel], color=colour(index), label=f"channel {channel}")
        waves.set(title="sines of some channels", xlabel="position")
        waves.legend(frameon=False, fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
        middle = num_positions // 2
        alike.plot([place - middle for place in range(num_positions)], table @ table[middle] / (d_model / 2),
                   color=colour(0))  # fmt: skip
        alike.set(title=f"likeness to position {middle}", xlabel="distance", ylabel="cosine")

    return Picture(
        draw,
        f"The sinusoidal encoding of {num_positions} positions at d_model {d_model}: left channels swing quickly from "
        "position to position and right ones hardly; the dot product of two positions falls with their distance and is "
        "the same on both sides.",
        size=(7.6, 5.0),
    )
