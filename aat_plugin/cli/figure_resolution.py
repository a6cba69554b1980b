"""`aat figure resolution`: why several heads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure resolution -o resolution.svg")
def resolution(
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "resolution.svg",
) -> None:
    """Draw what one head finds and what two find, and Table 3's published rows A (Sections 3.2.2 and 6.2)."""
    from aat_plugin.results.figures.resolution import resolution as draw

    picture_output.write(draw(), target)
    print("Next: aat whatif heads, the demo trained with one head.")
