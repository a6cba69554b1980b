"""`aat figure schedule`: Section 5.3's learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure schedule --warmup 4000 --warmup 16000 --d-model 1024 -o schedule.svg")
def schedule(
    warmup: Annotated[list[int] | None, typer.Option(help="Updates of linear growth; several, a line each.")] = None,
    d_model: Annotated[int, typer.Option(help="Width of the model.")] = 512,
    updates: Annotated[int, typer.Option(help="How far to draw.")] = 20_000,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "schedule.svg",
) -> None:
    """Draw the learning rate of Equation 3 for several lengths of the warm-up (Section 5.3)."""
    from aat_plugin.results.figures.schedule import WARMUPS
    from aat_plugin.results.figures.schedule import schedule as draw

    picture_output.write(draw(d_model, warmup or WARMUPS, updates), target)
    print("Next: aat whatif warm-up, the demo trained without it.")
