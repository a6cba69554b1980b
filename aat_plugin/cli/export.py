"""`aat export …`: a checkpoint for stock fairseq, safetensors or CTranslate2. Each sub-command is a file of its own.

Read `export_fairseq`, `export_safetensors`, `export_ctranslate2`, `export_compare` next, `import_` for the way back.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "fairseq": "aat_plugin.cli.export_fairseq",
    "safetensors": "aat_plugin.cli.export_safetensors",
    "ctranslate2": "aat_plugin.cli.export_ctranslate2",
    "compare": "aat_plugin.cli.export_compare",
}

app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat export fairseq checkpoints/averaged.pt -o stock.pt")
def export() -> None:
    """Take a checkpoint elsewhere; what its new home cannot express is listed, and nothing is written."""
