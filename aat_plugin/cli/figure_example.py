"""`aat figure example`: Figure 2 as a worked example, with numbers that can be followed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure example --masked -o figure2.svg")
def example(
    masked: Annotated[bool, typer.Option("--masked", help="Hide later words, as the decoder does.")] = False,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "example.svg",
) -> None:
    """Draw every step of scaled dot-product attention, then two heads joined (Section 3.2, Figure 2)."""
    from aat_plugin.results.figures.worked_example import worked_example

    picture_output.write(worked_example(masked), target)
    print("Next: aat figure attention, the same weights in a trained model.")
