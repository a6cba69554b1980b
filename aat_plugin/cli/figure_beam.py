"""`aat figure beam`: a beam search that can be followed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import picture_output

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure beam --beam 1 -o greedy.svg")
def beam(
    width: Annotated[int, typer.Option("--beam", help="Hypotheses that stay open.")] = 2,
    alpha: Annotated[float, typer.Option(help="α of the length penalty.")] = 0.6,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "beam.svg",
) -> None:
    """Draw which hypotheses a beam search over a table of probabilities keeps (Section 6.1)."""
    from aat_plugin.results.figures.beam import beam as draw
    from aat_plugin.results.figures.beam import search, words_of

    picture_output.write(draw(width), target)
    for place, found in enumerate(search(width, alpha)[0], start=1):
        print(f"{place}. {' '.join(words_of(found))}: log P {found.log_prob:.3f}, score {found.score:.3f}")
    print("Next: aat translate, the same search over a trained model.")
