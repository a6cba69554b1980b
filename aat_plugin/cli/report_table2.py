"""`aat report table2`: Table 2, published and run, with training costs in two ways."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat report table2 --runs runs")
def table2(runs: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs")) -> None:
    """Show BLEU and training cost: published, recomputed, and what was run here (Section 6.1)."""
    from aat_plugin.cli.section_output import show
    from aat_plugin.results.recorded_runs import find
    from aat_plugin.results.report_page import table2 as sections

    show(sections(find(runs)))
    print("Next: aat report record table2 puts the score of a run of yours here.")
