"""`aat import …`: a checkpoint of the plugin from stock fairseq or from safetensors.

Read `import_fairseq`, `import_safetensors` next, and `export` for the way there.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "fairseq": "aat_plugin.cli.import_fairseq",
    "safetensors": "aat_plugin.cli.import_safetensors",
}

app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat import fairseq checkpoint_last.pt -o ours.pt")
def import_() -> None:
    """Take a model in; what the plugin cannot express is listed, and nothing is written."""
