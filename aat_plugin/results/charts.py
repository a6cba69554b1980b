"""Pictures for pages: SVG that lies inside the HTML, follows the page's light or dark colours, and has an alt text.

matplotlib draws; ink is exchanged for the page's own colour afterwards. Read `page` next.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Points = Sequence[tuple[float, float]]
# Colours of Okabe and Ito, told apart by colour-blind readers and on both backgrounds.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
_INK = "#123456"  # a stand-in for "the page's text colour", which SVG calls currentColor


def curves(series: Mapping[str, Points], *, x: str, y: str, alt: str, log_y: bool = False) -> str:
    """A line chart as an `<svg>` element.

    Args:
        series: name → (x, y) points; an empty one is left out.
        x, y: what the axes are, with units.
        alt: what the picture shows, in words, for those who do not see it.
        log_y: a logarithmic y axis.

    Raises:
        ValueError: no series has a point.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        raise ValueError(f"nothing to draw: {alt}")
    with mpl.rc_context(_style()):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for colour, (name, points) in zip(_cycle(len(drawn)), drawn.items(), strict=True):
            axes.plot(*zip(*points, strict=True), color=colour, label=name, marker="o" if len(points) < 20 else None,
                      markersize=3)
        axes.set(xlabel=x, ylabel=y, yscale="log" if log_y else "linear")
        if len(drawn) > 1:
            axes.legend(frameon=False)
        return svg(figure, alt)


def svg(figure: Figure, alt: str) -> str:
    """A matplotlib figure as an `<svg>` element with a transparent ground and the page's ink."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    element = buffer.getvalue()[buffer.getvalue().index("<svg"):].replace(_INK, "currentColor")
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    label = escape(alt, quote=True)
    return element.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def _cycle(number: int) -> list[str]:
    return [COLOURS[index % len(COLOURS)] for index in range(number)]


def _style() -> dict[Any, Any]:
    """Ink for all lines and words; words stay words, so that they can be read aloud and searched."""
    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inks, _INK),
        "svg.fonttype": "none",
        "svg.hashsalt": "aat_plugin",  # the same data gives the same bytes
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.family": "sans-serif",
    }
