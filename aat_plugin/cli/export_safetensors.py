"""`aat export safetensors`: weights and a JSON of config and dictionaries, for use without fairseq."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat export safetensors checkpoints/averaged.pt -o model/")
def safetensors(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of the plugin's Transformer.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to make.")],
    data: Annotated[
        Path | None, typer.Option(help="The data-bin with dict.*.txt; default the one that was trained on.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a folder that Python reads without fairseq, and `aat import safetensors` turns back, bit by bit."""
    from aat_plugin.export.safetensors_folder import export_safetensors

    done = export_safetensors(checkpoint, out, data)
    if as_json:
        print(json.dumps({"output": str(done.output), "weights": done.weights, "bytes": done.bytes}, indent=2))
        return
    print(f"{done.output}: {done.weights:,} weights, tied ones once, {done.bytes / 1e6:.1f} MB")
    print(f"Next: aat import safetensors {done.output} -o checkpoint.pt, or the five lines of docs/export.md")
