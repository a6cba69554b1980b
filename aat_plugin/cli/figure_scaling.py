"""`aat figure scaling`: what the root of d_k does to attention's weights and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure scaling --keys 50 -o scaling.svg")
def scaling(
    keys: Annotated[int, typer.Option(help="How many keys a query chooses from.")] = 10,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "scaling.svg",
) -> None:
    """Draw how large the largest weight is, and what gradients get through, with and without √d_k (Section 3.2.1)."""
    from aat_plugin.results.figures.scaling import WIDTHS, softness
    from aat_plugin.results.figures.scaling import scaling as draw

    picture_output.write(draw(keys), target)
    widest = softness(WIDTHS[-1], keys, scaled=False)
    print(f"At d_k {WIDTHS[-1]} the products' variance is {widest.variance:.0f}.")
    print("Next: aat whatif scale, the demo trained without it.")
