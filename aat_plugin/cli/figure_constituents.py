"""`aat figure constituents`: how far the encoder's heads follow phrase structure (Figure 5, counted)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aat_plugin.cli import picture_output
from aat_plugin.cli.trained_system import Checkpoint, Data, Device, System

if TYPE_CHECKING:
    from aat_plugin.corpora.progress import Progress
    from aat_plugin.parsing.trees import Tree
    from aat_plugin.results.figures.constituents import Shares

app = typer.Typer(add_completion=False)
EXAMPLE = ("Example: aat figure constituents --checkpoint runs/demo/averaged.pt --data runs/demo/data "
           "--trees runs/demo/text/test.trees")  # fmt: skip


@app.command(epilog=EXAMPLE)
def constituents(
    trees: Annotated[Path, typer.Option(help="Gold trees of sentences in the model's source language.")],
    system: System = None,
    checkpoint: Checkpoint = None,
    data: Data = None,
    limit: Annotated[int, typer.Option(help="The first so many trees.", min=1)] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print the shares as JSON.")] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help=".svg, .png or .pdf")] = picture_output.FOLDER
    / "constituents.svg",
    device: Device = None,
) -> None:
    """Count the share of each head's attention inside the smallest gold constituent around a word.

    Beside it: what attention spread evenly would have, and what the same head has in random spans of the same length.
    """
    from aat_plugin.cli.trained_system import reader
    from aat_plugin.corpora.progress import Progress
    from aat_plugin.parsing.tree_files import iterate_trees
    from aat_plugin.results.figures import constituents as figures

    picture_output.check(output)
    with reader(system, checkpoint, data, device) as opened, Progress("sentences") as progress:
        gold = _counted(islice(iterate_trees(trees), limit), progress)
        found = figures.shares(gold, opened.encoder_weights, opened.engine.longest_source)
    if as_json:
        print(json.dumps(found.to_json()))
        return
    _show(found)
    picture_output.write(figures.picture(found), output)


def _counted(trees: Iterable[Tree], progress: Progress) -> Iterator[Tree]:
    """The same trees, each shown on the bar."""
    for tree in trees:
        progress.advance(1)
        yield tree


def _show(found: Shares) -> None:
    """A line a head, the one that is furthest above its random span first."""
    from rich.console import Console
    from rich.table import Table

    counted = f"{found.words:,} words of {found.sentences:,} sentences"
    table = Table(title=f"{counted}; evenly spread: {100 * found.even:.1f} %", title_justify="left")
    for heading in ("layer", "head", "inside the constituent", "inside a random span", "difference"):
        table.add_column(heading, justify="right")
    gain = found.inside - found.random_span
    ranked = sorted(((float(gain[place]), place) for place in _places(found)), reverse=True)
    for difference, (layer, head) in ranked:
        shares = [f"{100 * float(one[layer, head]):.1f} %" for one in (found.inside, found.random_span)]
        table.add_row(str(layer + 1), str(head + 1), *shares, f"{100 * difference:+.1f}")
    Console(soft_wrap=True, highlight=False).print(table)


def _places(found: Shares) -> list[tuple[int, int]]:
    layers, heads = found.inside.shape
    return [(layer, head) for layer in range(layers) for head in range(heads)]
