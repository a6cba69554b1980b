"""`aat version`: the plugin's version, alone on a line."""

from __future__ import annotations

import typer

import aat_plugin

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat version")
def version() -> None:
    """Print the plugin's version; `aat doctor` prints everybody else's."""
    print(aat_plugin.__version__)
