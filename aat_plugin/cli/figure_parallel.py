"""`aat figure parallel`: why attention runs in parallel and a recurrence does not, counted and timed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aat_plugin.cli import picture_output

if TYPE_CHECKING:
    from aat_plugin.results.figures.parallel import Waiting

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat figure parallel --length 128 --length 512 --d-model 512 --json")
def parallel(
    length: Annotated[list[int] | None, typer.Option(help="Words; several, a row each. Default: 4 to 64.")] = None,
    d_model: Annotated[int, typer.Option(help="Width of both layers.")] = 64,
    repeats: Annotated[int, typer.Option(help="Passes that are timed, of which the median counts.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON; draw nothing.")] = False,
    target: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "parallel.svg",
) -> None:
    """Count the operations that wait for one another in a recurrence and in self-attention, and time both."""
    from aat_plugin.results.figures.parallel import LENGTHS, measure
    from aat_plugin.results.figures.parallel import parallel as draw

    lengths = length or LENGTHS
    rows = measure(lengths, d_model, repeats)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    picture_output.write(draw(lengths, d_model), target)
    _show(rows)
    print("Next: aat report table1, all of Table 1's layers.")


def _show(rows: list[Waiting]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("layer", title="One sentence, forward and backward", title_justify="left")
    for heading in ("words", "operations that wait", "processor ms"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row.layer, str(row.length), str(row.chain), f"{1000 * row.seconds:.2f}")
    Console(soft_wrap=True, highlight=False).print(table)
