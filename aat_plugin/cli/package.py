"""`aat package`: a trained system as one archive or folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat package averaged.pt --data data -o system.tar.gz")
def package(
    checkpoint: Annotated[Path, typer.Argument(help="The model, such as aat average makes.")],
    data: Annotated[Path, typer.Option(help="The folder that aat prepare made.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="A .tar.gz, or else a folder.")],
) -> None:
    """Put the model, dictionaries, subwords and manifest together: all that `aat translate` or `aat parse` needs."""
    from aat_plugin.corpora.system import TREEBANK, pack

    names = pack(checkpoint, data, out)
    print(f"{out}: {', '.join(names)}")
    print(f"Next: aat parse {out} < raw.txt > parsed.trees" if TREEBANK in names
          else f"Next: aat translate {out} < raw.txt > translated.txt")
