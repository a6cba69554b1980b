"""`aat silver`: training trees from sentences on which two parsers agree. Read `parsing.silver` for how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.parsing.silver import Agreement
    from aat_plugin.parsing.trees import Tree

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat silver chart.trees transformer.trees --like gold.trees -o silver.trees")
def silver(
    first: Annotated[Path, typer.Argument(help="One parser's trees, one a line; these are what is written.")],
    second: Annotated[Path, typer.Argument(help="Another parser's trees of the same sentences, line by line.")],
    like: Annotated[Path, typer.Option(help="Gold trees: the silver ones are drawn to have their lengths.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    size: Annotated[
        int | None, typer.Option(help="Sentences to draw; default: as many as the parsers agree on.")
    ] = None,
    max_copies: Annotated[int, typer.Option(help="How often one sentence may be repeated.")] = 10,
    tags: Annotated[bool, typer.Option("--tags", help="The words' tags must be the same as well.")] = False,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 1,
) -> None:
    """Keep the sentences on which two parsers agree, and resample them by length, as Vinyals et al. (2015) did.

    Files may be packed; one sentence at a time is in memory.
    """
    from aat_plugin.corpora.files import replacing
    from aat_plugin.corpora.progress import Progress
    from aat_plugin.parsing.silver import draw
    from aat_plugin.parsing.tree_files import iterate_trees

    lines, counts = draw(lambda: _pairs(first, second), iterate_trees(like), size=size, most=max_copies, seed=seed,
                         tags=tags)
    with Progress("draw") as progress, replacing(out) as file:
        for line in lines:
            file.write(line + "\n")
            progress.advance()
    _show(counts, max_copies)
    print(f"Next: aat prepare trees --silver {out} …")


def _pairs(first: Path, second: Path) -> Iterator[tuple[Tree | None, Tree | None]]:
    """Both files side by side.

    Raises:
        DataError: they have different numbers of lines.
    """
    from itertools import zip_longest

    from aat_plugin.errors import DataError
    from aat_plugin.parsing.tree_files import iterate_tree_lines

    over = object()
    for number, pair in enumerate(
        zip_longest(iterate_tree_lines(first), iterate_tree_lines(second), fillvalue=over), start=1
    ):
        if over in pair:
            short, longer = (first, second) if pair[0] is over else (second, first)
            raise DataError(f"{short} ends before line {number} of {longer}; give two parses of the same sentences")
        yield pair  # type: ignore[misc]  # the mark is gone


def _show(counts: Agreement, max_copies: int) -> None:
    from aat_plugin.parsing.silver import BIN

    share = 100 * counts.agreed / max(counts.sentences - counts.missing, 1)
    print(f"{counts.sentences:,} sentences, {counts.missing:,} without both parses; the parsers agree on "
          f"{counts.agreed:,} ({share:.1f} %)")
    print(f"drawn: {counts.written:,} sentences, {counts.different:,} different ones")
    if counts.capped:
        ranges = ", ".join(f"{one * BIN + 1} to {one * BIN + BIN}" for one in counts.capped)
        print(f"too few agreed sentences of {ranges} words: --max-copies {max_copies} holds them below their share")
