"""`aat figure attention`: Figures 3 to 5, the heads of a trained model on a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aat_plugin.cli import picture_output
from aat_plugin.cli.trained_system import Checkpoint, Data, Device, System

if TYPE_CHECKING:
    from aat_plugin.bindings.attention_reader import Attended
    from aat_plugin.results.charts import Picture

app = typer.Typer(add_completion=False)
EXAMPLE = ('Example: aat figure attention --checkpoint runs/demo/averaged.pt --data runs/demo/data '
           '--sentence "the dog that saw my cats sleeps ." -o heads.html')  # fmt: skip


@app.command(epilog=EXAMPLE)
def attention(
    sentence: Annotated[str, typer.Option(help="The source, raw text.")],
    system: System = None,
    checkpoint: Checkpoint = None,
    data: Data = None,
    target: Annotated[str | None, typer.Option(help="What it shall say; default: its own best output.")] = None,
    kind: Annotated[str, typer.Option(help="encoder-self | decoder-self | cross, for a picture.")] = "encoder-self",
    layer: Annotated[
        int | None, typer.Option(help="Draw this layer's heads as lines, from 1; else maps of all layers.")
    ] = None,
    head: Annotated[list[int] | None, typer.Option(help="With --layer: these heads alone, from 1.")] = None,
    token: Annotated[int | None, typer.Option(help="With --layer: this word's lines alone, from 1.")] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help=".html to choose from everything; or .svg, .png, .pdf")
    ] = picture_output.FOLDER / "attention.html",
    device: Device = None,
) -> None:
    """Show what every head of every layer attends to: encoder, decoder, and decoder to encoder (Figures 3 to 5)."""
    from aat_plugin.cli.trained_system import reader
    from aat_plugin.corpora.files import write_text
    from aat_plugin.errors import ConfigError
    from aat_plugin.results import fonts, provenance
    from aat_plugin.results.figures import attention as figures
    from aat_plugin.results.figures import attention_page

    picture_output.check(output, also=(".html",))
    if layer is None and (head or token is not None):
        raise ConfigError("--head and --token choose lines of one layer; give --layer too")
    with reader(system, checkpoint, data, device) as opened:
        attended = opened.read(sentence, target)
    print(f"source: {' '.join(attended.source)}\noutput: {' '.join(attended.said)}")
    if output.suffix == ".html":
        source = provenance.collect([], [path for path in (system, checkpoint) if path and path.is_file()])
        page = attention_page.render(attended, f"{system or checkpoint}; {provenance.in_words(source)}")
        picture_output.prepare_folder(output)
        write_text(output, page)
        print(f"Page: {output}")
    else:
        heads = figures.heads_of(attended, kind)
        advice = fonts.advice(figures.letters(heads)[1])
        picture_output.write(_picture(attended, kind, layer, head, token), output, advice)
    print("Next: aat figure constituents --trees GOLD counts how far heads follow phrase structure.")


def _picture(
    attended: Attended, kind: str, layer: int | None, head: list[int] | None, token: int | None
) -> Picture:
    from aat_plugin.results.figures import attention as figures

    heads = figures.heads_of(attended, kind)
    return figures.grid(heads) if layer is None else figures.lines(heads, layer, head or (), token)
