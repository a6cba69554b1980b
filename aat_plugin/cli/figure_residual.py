"""`aat figure residual`: what the residual and the norm are for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure residual --layers 24 -o residual.svg")
def residual(
    layers: Annotated[int, typer.Option(help="N.")] = 6,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "residual.svg",
) -> None:
    """Draw what an untrained encoder's layers put out, as in the paper and with one part left out (Section 3.1)."""
    from aat_plugin.results.figures.residual import residual as draw

    picture_output.write(draw(layers), target)
    print("Next: aat whatif residual, the demo trained without it.")
