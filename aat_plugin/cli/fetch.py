"""`aat fetch`: bring a public corpus to this machine, checked and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat fetch multi30k_en_de -o data/multi30k/raw")
def fetch(
    corpus: Annotated[str, typer.Argument(help="Which corpus, e.g. multi30k_en_de.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for its files.")],
    mirror: Annotated[
        str | None, typer.Option(help="Another address with the same files; file:///a/folder/ works.")
    ] = None,
) -> None:
    """Fetch a corpus' files; a second call goes on where the first broke off and fetches nothing twice."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    from aat_plugin.corpora.fetch import fetch as bring
    from aat_plugin.corpora.sources import CORPORA
    from aat_plugin.errors import choose

    known = CORPORA[choose("corpus", corpus, CORPORA)]
    address = (mirror or known.address).rstrip("/") + "/"
    typer.echo(f"{corpus}: {known.licence}")
    with Progress("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), transient=True) as bars:
        for file in known.files:
            bar = bars.add_task(file.name, total=None)

            def report(done: int, total: int | None, bar: object = bar) -> None:
                bars.update(bar, completed=done, total=total)  # type: ignore[arg-type]

            new = bring(address + file.path, out / file.name, file.checksum, report)
            bars.remove_task(bar)
            unknown = "" if file.checksum else " (no checksum is published: its size and content were not compared)"
            bars.console.print(f"{file.name}: {'fetched' if new else 'there already'}{unknown}")
    typer.echo(f"Next: scripts/{corpus}.sh --help, which takes --raw {out}; or aat prepare --help")
