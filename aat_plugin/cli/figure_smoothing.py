"""`aat figure smoothing`: Section 5.4's smoothed targets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure smoothing --epsilon 0.2 -o smoothing.svg")
def smoothing(
    epsilon: Annotated[float, typer.Option(help="ε_ls.")] = 0.1,
    classes: Annotated[int, typer.Option(help="V of the drawing.", min=6, max=30)] = 8,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "smoothing.svg",
) -> None:
    """Draw what label smoothing asks of the model, in the three forms found in the field (Section 5.4)."""
    from aat_plugin.results.figures.smoothing import smoothing as draw

    picture_output.write(draw(epsilon, classes), target)
    print("Next: aat whatif smoothing, the demo trained without it.")
