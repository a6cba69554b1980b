"""`aat whatif`: the demo trained with one thing missing, beside what the paper says the thing is for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat whatif mask positions --budget 1000")
def whatif(
    cases: Annotated[
        list[str] | None,
        typer.Argument(help="scale, mask, positions, warm-up, residual, norm, heads, smoothing; default: all."),
    ] = None,
    budget: Annotated[int, typer.Option(help="Updates of each.", min=5)] = 2000,
    data: Annotated[Path, typer.Option(help="What the demo's aat prepare made.")] = Path("runs/demo/data"),
    ref: Annotated[Path, typer.Option(help="The valid set's German, raw text.")] = Path("runs/demo/text/valid.de"),
    override: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the config, for all; several.")] = None,
    runs: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs"),
) -> None:
    """Train the demo with one thing removed, and say what came of it. Goes on where it was stopped."""
    from aat_plugin.cli import paths
    from aat_plugin.cli.report_table3 import pairs
    from aat_plugin.cli.section_output import show
    from aat_plugin.errors import choose
    from aat_plugin.results import whatif as cases_of
    from aat_plugin.results.recorded_runs import find
    from aat_plugin.results.report_page import what_ifs
    from aat_plugin.results.small_runs import Folders, corpus

    names = [choose("case", name, cases_of.BY_NAME) for name in cases] if cases else list(cases_of.BY_NAME)
    more = pairs(override)
    where = Folders(paths.user_dir(), paths.conf_dir())
    file = cases_of.run(names, budget, runs / "whatif", corpus(data, ref), where,
                        lambda line: print(line, flush=True), more)  # fmt: skip
    show(what_ifs([run for run in find(runs) if run.folder == file.parent]))
    print(f"Results: {file}. Next: aat report all -o report.html, with the curves.")
