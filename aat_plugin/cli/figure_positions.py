"""`aat figure positions`: Section 3.5's sinusoids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure positions --d-model 128 -o positions.png")
def positions(
    number: Annotated[int, typer.Option("--positions", help="How many.")] = 100,
    d_model: Annotated[int, typer.Option(help="Width of the model.")] = 512,
    convention: Annotated[str, typer.Option(help="paper | t2t_release | t2t_head | fairseq")] = "paper",
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "positions.svg",
) -> None:
    """Draw the positional encoding, a few of its waves, and how alike two positions are (Section 3.5)."""
    from aat_plugin import conventions
    from aat_plugin.results.figures.positions import positions as draw

    chosen = conventions.resolve(convention, "model", {})
    layout, frequencies = str(chosen["position_layout"]), str(chosen["position_frequencies"])
    picture_output.write(draw(number, d_model, layout, frequencies), target)
    print("Next: aat whatif positions, the demo trained without them.")
