"""`aat report table4`: Table 4, published and run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat report table4 --runs runs")
def table4(runs: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs")) -> None:
    """Show F1 of the parsers: published, and what was run here (Section 6.3)."""
    from aat_plugin.cli.section_output import show
    from aat_plugin.results.recorded_runs import find
    from aat_plugin.results.report_page import table4 as sections

    show(sections(find(runs)))
    print("Next: aat report record table4 puts the score of a run of yours here.")
