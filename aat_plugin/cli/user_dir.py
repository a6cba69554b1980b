"""`aat user-dir`: print the plugin's folder, for fairseq's --user-dir."""

from __future__ import annotations

import typer

from aat_plugin.cli import paths

app = typer.Typer(add_completion=False)


@app.command(epilog='Example: fairseq-train DATA --user-dir "$(aat user-dir)" --arch aat_transformer_base')
def user_dir() -> None:
    """Print the plugin's folder, for fairseq's --user-dir; right from any directory."""
    print(paths.user_dir())
