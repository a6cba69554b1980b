"""`aat conf-dir`: print the folder of Hydra configs, for --config-dir."""

from __future__ import annotations

import typer

from aat_plugin.cli import paths

app = typer.Typer(add_completion=False)


@app.command(epilog='Example: fairseq-hydra-train --config-dir "$(aat conf-dir)" --config-name demo_translation')
def conf_dir() -> None:
    """Print the folder of Hydra configs, for --config-dir; right from any directory."""
    print(paths.conf_dir())
