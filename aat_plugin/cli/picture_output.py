"""Where `aat figure …` writes a picture, and what it says then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aat_plugin.results.charts import Picture

FOLDER = Path("runs/figures")
"""Of pictures for which no name was given."""


def check(target: Path, also: tuple[str, ...] = ()) -> None:
    """Refuse a name that says no format, before any work is done; see `charts.check_format`."""
    from aat_plugin.results.charts import check_format

    check_format(target, also)


def write(picture: Picture, target: Path, advice: str = "") -> None:
    """Write the picture, and say where it is and what it shows.

    Args:
        picture: what to draw.
        target: its folder is made where it is missing.
        advice: about letters without a font; said where the format needs fonts.

    Raises:
        ConfigError: another format than SVG, PNG, PDF.
        DataError: the file cannot be written.
    """
    from aat_plugin.results.charts import save

    check(target)
    prepare_folder(target)
    save(picture, target)
    if advice and target.suffix != ".svg":
        print(f"Letters: {advice}")
    print(picture.alt)
    print(f"Figure: {target}")


def prepare_folder(target: Path) -> None:
    """Make the folder that a file goes into.

    Raises:
        DataError: it cannot be made.
    """
    from aat_plugin.corpora.files import cannot_write

    with cannot_write(target):
        target.parent.mkdir(parents=True, exist_ok=True)
