"""`aat prepare …`: raw files become data that fairseq trains on. Each sub-command is a file of its own.

To add one: write its module with `app = typer.Typer(...)` and one command, and add its line to `SUBCOMMANDS`.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "pair": "aat_plugin.cli.prepare_pair",
    "trees": "aat_plugin.cli.prepare_trees",
    "wsj": "aat_plugin.cli.prepare_wsj",
    "wmt14_en_de": "aat_plugin.cli.prepare_wmt14_en_de",
    "wmt14_en_fr": "aat_plugin.cli.prepare_wmt14_en_fr",
}

app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat prepare pair --train train.en train.de --valid dev.en dev.de -o data")
def prepare() -> None:
    """Make fairseq's data out of raw files: check, tokenise, cut into subwords, binarise."""
