"""`aat import safetensors`: a folder of `aat export safetensors` as a checkpoint again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat import safetensors model/ -o checkpoint.pt --dictionaries data/")
def safetensors(
    folder: Annotated[Path, typer.Argument(help="What `aat export safetensors` made.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    dictionaries: Annotated[Path | None, typer.Option(help="A folder to write dict.*.txt into.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a checkpoint that fairseq's commands load, with the very same weights."""
    from aat_plugin.export.safetensors_folder import import_safetensors

    done = import_safetensors(folder, out, dictionaries)
    files = [str(file) for file in done.dictionaries]
    if as_json:
        shown = {"output": str(done.output), "weights": done.weights, "bytes": done.bytes, "dictionaries": files}
        print(json.dumps(shown, indent=2))
        return
    print(f"{done.output}: {done.weights:,} weights, {done.bytes / 1e6:.1f} MB")
    for file in files:
        print(f"  {file}")
    print(f'Next: fairseq-generate DATA --user-dir "$(aat user-dir)" --task aat_translation --path {done.output}')
