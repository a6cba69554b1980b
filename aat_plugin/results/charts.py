"""Pictures for pages and files: SVG that follows a page's light or dark colours, PNG or PDF, each with an alt text.

matplotlib draws; in a page, ink is exchanged for the page's own colour. Read `fonts` for words of other scripts, `page`
next.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aat_plugin.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[float, float]]
# Colours of Okabe and Ito, told apart by colour-blind readers and on both backgrounds.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
DASHES = ("-", "--", ":", "-.")
"""Of lines beyond as many as there are colours, which take the colours again."""
MANY = 5
"""Series, beyond which their names stand below the picture."""
NAMED_POINTS = 12
FORMATS = (".svg", ".png", ".pdf")
logging.getLogger("matplotlib").setLevel(logging.WARNING)  # fairseq lets every library say everything
INK = "#123456"
"""A stand-in for "the page's text colour", which SVG calls currentColor."""


@dataclass(frozen=True)
class Picture:
    """A drawing that is made when it is asked for.

    Attributes:
        draw: puts it on an empty figure.
        alt: what it shows, in words, for those who do not see it.
        size: width and height in inches.
        families: fonts to look for letters in, in order; the browser's own come after them in SVG.
    """

    draw: Callable[[Figure], None]
    alt: str
    size: tuple[float, float] = (6.4, 3.2)
    families: tuple[str, ...] = ()


def curves(series: Mapping[str, Points], *, x: str, y: str, alt: str, log_y: bool = False, log_x: bool = False) -> str:
    """A line chart as an `<svg>` element; arguments as of `line_chart`."""
    return inline(line_chart(series, x=x, y=y, alt=alt, log_y=log_y, log_x=log_x))


def line_chart(
    series: Mapping[str, Points], *, x: str, y: str, alt: str, log_y: bool = False, log_x: bool = False,
    size: tuple[float, float] = (6.4, 3.2),
) -> Picture:  # fmt: skip
    """A line chart.

    Args:
        series: name → (x, y) points; an empty one is left out.
        x, y: what the axes are, with units.
        alt: what the picture shows, in words.
        log_y, log_x: logarithmic axes.
        size: in inches.

    Raises:
        ValueError: no series has a point.
    """
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        raise ValueError(f"nothing to draw: {alt}")

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for index, (name, points) in enumerate(drawn.items()):
            axes.plot(
                *zip(*points, strict=True), color=colour(index), linestyle=_dashes(index, len(drawn)),
                label=name, marker="o" if len(points) < 20 else None, markersize=3,
            )  # fmt: skip
        axes.set(xlabel=x, ylabel=y, yscale=_scale(log_y), xscale=_scale(log_x))
        if log_x:
            _name_points(axes, sorted({point[0] for points in drawn.values() for point in points}))
        if len(drawn) > MANY:
            handles = axes.get_legend_handles_labels()
            figure.legend(*handles, frameon=False, loc="outside lower center", ncols=2, fontsize="small")
        elif len(drawn) > 1:
            axes.legend(frameon=False)

    return Picture(draw, alt, size)


def _dashes(index: int, lines: int) -> str | tuple[int, tuple[int, int]]:
    """Where there are many lines, each later one has wider gaps, through which one that it lies on is seen."""
    if lines > MANY and index > 0:
        return 0, (4, 1 + index)
    return DASHES[index // len(COLOURS) % len(DASHES)]


def _name_points(axes: Axes, places: Sequence[float]) -> None:
    """On a logarithmic axis, ticks at the points themselves, where they are few."""
    if len(places) <= NAMED_POINTS:
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.set_xticks([], minor=True)


def colour(index: int) -> str:
    """The colour of line, bar or head `index`."""
    return COLOURS[index % len(COLOURS)]


def inline(picture: Picture) -> str:
    """A picture as an `<svg>` element for a page, with a transparent ground and the page's ink."""
    element = _svg_text(picture, INK).replace(INK, "currentColor")
    element = element[element.index("<svg"):]
    element = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", element, count=1)
    element = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", element, count=1)
    return _labelled(element, picture.alt)


def save(picture: Picture, path: Path) -> None:
    """Write a picture as the file's name asks: SVG (text stays text), PNG or PDF, dark on white.

    Raises:
        ConfigError: another ending.
        DataError: the file cannot be written.
    """
    from aat_plugin.corpora.files import replacing_bytes, write_text

    check_format(path)
    if path.suffix == ".svg":
        write_text(path, _labelled(_svg_text(picture, "black", transparent=False), picture.alt))
        return
    made = _rendered(picture, "black", path.suffix.removeprefix("."), transparent=False)
    with replacing_bytes(path) as file:
        file.write(made)


def check_format(path: Path, also: Sequence[str] = ()) -> None:
    """Refuse a file whose name does not say a format that can be made.

    Raises:
        ConfigError: names the formats.
    """
    formats = (*FORMATS, *also)
    if path.suffix not in formats:
        raise ConfigError(f"{path}: a picture's name ends in {', '.join(formats[:-1])} or {formats[-1]}")


def _svg_text(picture: Picture, ink: str, *, transparent: bool = True) -> str:
    return _rendered(picture, ink, "svg", transparent=transparent).decode("utf-8")


def _rendered(picture: Picture, ink: str, kind: str, *, transparent: bool) -> bytes:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with mpl.rc_context(_style(ink, picture.families)), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)  # `fonts` says it
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        metadata = {"Date": None} if kind == "svg" else {"CreationDate": None} if kind == "pdf" else None
        figure.savefig(buffer, format=kind, transparent=transparent, metadata=metadata, dpi=160)
    return buffer.getvalue()


def _labelled(element: str, alt: str) -> str:
    return element.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)


def _scale(logarithmic: bool) -> str:
    return "log" if logarithmic else "linear"


def _style(ink: str, families: Sequence[str]) -> dict[Any, Any]:
    """Ink for all lines and words; words stay words, so that they can be read aloud and searched."""
    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inks, ink),
        "svg.fonttype": "none",
        "svg.hashsalt": "aat_plugin",  # the same data gives the same bytes
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.family": [*families, "sans-serif"],
    }
