"""`aat report …`: Tables 1 to 4, published and run. Each sub-command is a file of its own.

Read `report_all` (one page) and `report_record` (a number of a run of yours) next.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "table1": "aat_plugin.cli.report_table1",
    "table2": "aat_plugin.cli.report_table2",
    "table3": "aat_plugin.cli.report_table3",
    "table4": "aat_plugin.cli.report_table4",
    "all": "aat_plugin.cli.report_all",
    "record": "aat_plugin.cli.report_record",
}

app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat report all -o report.html")
def report() -> None:
    """Show the paper's tables beside what was run here; what was not run says so."""
