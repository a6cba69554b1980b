"""`aat conformance`: does this installation compute what the paper writes? Every equation, as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.conformance.comparisons import Outcome

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat conformance --out conformance.md")
def conformance(
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Also write the table to this Markdown file.")] = None,
) -> None:
    """Compare every equation with a restatement in NumPy; exit with 1 where one differs or was not compared."""
    outcomes = _run()
    if out is not None:
        _write(outcomes, out)
    if as_json:
        from aat_plugin.conformance.report import as_json as rows

        print(json.dumps(rows(outcomes), indent=2))
    else:
        _show(outcomes)
    if not all(outcome.equal for outcome in outcomes):
        raise typer.Exit(1)


def _run() -> list[Outcome]:
    """All comparisons, with a bar on a terminal; one thread, since the models are tiny."""
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from aat_plugin.conformance.comparisons import comparisons, run

    torch.set_num_threads(1)
    chosen = comparisons()
    with Progress(console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal) as bars:
        bar = bars.add_task("comparing", total=len(chosen))
        return run(chosen, lambda outcome: bars.update(bar, advance=1, description=outcome.equation))


def _write(outcomes: list[Outcome], out: Path) -> None:
    from aat_plugin.conformance.report import markdown
    from aat_plugin.corpora.files import write_text
    from aat_plugin.results import provenance

    command = f"aat conformance --out {out}"
    write_text(out, markdown(outcomes, command, provenance.collect([command], [])))


def _show(outcomes: list[Outcome]) -> None:
    """The table, and in words what is wrong."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from aat_plugin.conformance.report import HEADINGS, cells

    table = Table(*HEADINGS, box=box.SIMPLE_HEAD)
    for outcome in outcomes:
        table.add_row(*cells(outcome), style=None if outcome.equal else "bold red")
    console = Console(highlight=False, markup=False)
    console.print(table)
    wrong = [outcome for outcome in outcomes if not outcome.equal]
    for outcome in wrong:
        reason = outcome.error or f"deviates by {outcome.deviation:.1e}, and {outcome.tolerance:.0e} is allowed"
        console.print(f"Section {outcome.section}, {outcome.equation}: {reason}", soft_wrap=True)
    console.print(f"{len(outcomes) - len(wrong)} of {len(outcomes)} comparisons are equal.")
    next_step = "aat doctor, for which versions are installed" if wrong else "aat params, for Table 3's sizes"
    console.print(f"Next: {next_step}.")
