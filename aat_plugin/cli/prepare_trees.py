"""`aat prepare trees`: the trees of any treebank become fairseq's data-bin. Read `tree_stages` for how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)

SCHEMES = "vinyals|tags|t2t"
EXAMPLE = (
    "Example: aat prepare trees --train train.ptb --valid dev.ptb --test test.ptb --linearisation tags --bpe 0 "
    "--unknown-classes -o data"
)


@app.command(epilog=EXAMPLE)
def trees(
    train: Annotated[list[Path], typer.Option(help="Gold trees in brackets, in any layout, .gz too; may be repeated.")],
    valid: Annotated[list[Path], typer.Option(help="The same for validation.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for all that is made.")],
    test: Annotated[list[Path] | None, typer.Option(help="The same for testing.")] = None,
    silver: Annotated[
        list[Path] | None, typer.Option(help="Silver trees, one a line; kept apart from the gold ones.")
    ] = None,
    linearisation: Annotated[
        str, typer.Option(metavar=SCHEMES, help="vinyals: leaves are XX; tags, t2t: leaves are tags (for small data).")
    ] = "vinyals",
    bpe: Annotated[int, typer.Option(help="Merges of byte-pair encoding of the words; 0 leaves whole words.")] = 8_000,
    vocabulary: Annotated[int, typer.Option(help="The most words, where they are left whole.")] = 16_384,
    unknown_classes: Annotated[
        bool, typer.Option("--unknown-classes", help="Unknown words become classes; with --bpe 0.")
    ] = False,
    keep_traces: Annotated[bool, typer.Option("--keep-traces", help="Leave -NONE- and what holds only that.")] = False,
    keep_functions: Annotated[bool, typer.Option("--keep-functions", help="Leave NP-SBJ as it is.")] = False,
    joined_dictionary: Annotated[
        bool, typer.Option("--joined-dictionary", help="Words and symbols share one, as a model's embeddings may.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
) -> None:
    """Clean trees, say them as symbols, cut their words into subwords and binarise both.

    A second call does what is missing or has changed. manifest.json says what was made from what.
    """
    from aat_plugin.bindings import binarize
    from aat_plugin.cli import tree_stages

    options = tree_stages.TreeOptions(
        linearisation, bpe, vocabulary, unknown_classes, keep_traces, keep_functions, joined_dictionary
    )
    files = {"train": train, "valid": valid, **({"test": test} if test else {})}
    processes = (os.cpu_count() or 1) if workers is None else workers
    tree_stages.prepare(out, files, silver or [], options, binarize.PAIR, processes, _say)
    # The recipe gives the decoder the next word, which subwords would hide.
    cut = " model.next_word=false" if bpe else ""
    print(f"Next: fairseq-hydra-train --config-dir \"$(aat conf-dir)\" --config-name treebank_small "
          f"task.data={out / 'data-bin'}{cut}")


def _say(text: str) -> None:
    print(text, flush=True)
