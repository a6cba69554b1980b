"""`aat report all`: everything on one self-contained page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command("all", epilog="Example: aat report all -o report.html")
def report_all(
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.")] = Path("runs/report.html"),
    runs: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs"),
) -> None:
    """Write Tables 1 to 4, the demo and the what-ifs on one HTML page: published, run here, or “not run”."""
    from aat_plugin.cli.picture_output import prepare_folder
    from aat_plugin.corpora.files import write_text
    from aat_plugin.results.recorded_runs import find
    from aat_plugin.results.report_page import report

    found = find(runs)
    page = report(found)
    prepare_folder(output)
    write_text(output, page)
    print(f"{len(found)} runs found in {runs}; what they do not have says “not run”.")
    print(f"Page: {output.resolve()}")
    if not found:
        print("Next: make demo, or aat report table1; then this again.")
