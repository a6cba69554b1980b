"""`aat figure training`: curves out of the logs of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure training runs/demo -o training.svg")
def training(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or fairseq's logs.")],
    value: Annotated[str, typer.Option(help="As the log names it: ppl, loss, nll_loss, wps, bleu …")] = "ppl",
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "training.svg",
) -> None:
    """Draw one number of each run against updates, of training and of validation."""
    from aat_plugin.results.figures.training import training as draw

    picture_output.write(draw(runs, value), target)
    print("Next: aat report all -o report.html, with the runs' scores.")
