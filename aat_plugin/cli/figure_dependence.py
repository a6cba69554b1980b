"""`aat figure dependence`: which positions an output depends on, in single layers and in the whole model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure dependence --whole -o families.svg")
def dependence(
    whole: Annotated[bool, typer.Option("--whole", help="Both stacks, and what BERT, GPT and T5 took.")] = False,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "dependence.svg",
) -> None:
    """Differentiate layers, and fill a cell where an output depends on an input (Sections 3.2.3 and 3.3)."""
    from aat_plugin.results.figures.dependence import dependence as layers
    from aat_plugin.results.figures.dependence import families

    picture_output.write(families() if whole else layers(), target)
    print("Next: aat figure parallel, how many operations wait for one another.")
