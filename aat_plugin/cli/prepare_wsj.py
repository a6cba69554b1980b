"""`aat prepare wsj`: the Penn Treebank's Wall Street Journal becomes fairseq's data-bin, in the usual split.

Read `parsing.treebank` for where its files are and `tree_stages` for what is done with them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat prepare wsj --ptb LDC99T42 -o data/wsj")
def wsj(
    ptb: Annotated[Path, typer.Option(help="The treebank's folder (LDC99T42): parsed/mrg/wsj, combined/, packed too.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder for all that is made.")],
    silver: Annotated[
        list[Path] | None, typer.Option(help="Silver trees, one a line, for the semi-supervised setting.")
    ] = None,
    linearisation: Annotated[
        str, typer.Option(metavar="vinyals|tags|t2t", help="vinyals: leaves are XX; tags, t2t: leaves are tags.")
    ] = "vinyals",
    bpe: Annotated[
        int | None, typer.Option(help="Merges; default: the paper's 16,000 types, 32,000 with silver trees; 0: words.")
    ] = None,
    unknown_classes: Annotated[
        bool, typer.Option("--unknown-classes", help="Unknown words become classes; with --bpe 0.")
    ] = False,
    joined_dictionary: Annotated[
        bool, typer.Option("--joined-dictionary", help="Words and symbols share one, as a model's embeddings may.")
    ] = False,
    any_counts: Annotated[
        bool, typer.Option("--any-counts", help="Go on where there are not 39,832, 1,700 and 2,416 trees.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
) -> None:
    """Sections 02 to 21 for training, 22 for validation, 23 for the test: cleaned, said as symbols, binarised.

    The numbers of trees are compared with those that everybody has.
    """
    from aat_plugin.bindings import binarize
    from aat_plugin.cli import tree_stages
    from aat_plugin.parsing.treebank import check_counts, wsj_files

    types = 32_000 if silver else 16_000
    options = tree_stages.TreeOptions(linearisation, types if bpe is None else bpe, types, unknown_classes,
                                      joined_dictionary=joined_dictionary)
    processes = (os.cpu_count() or 1) if workers is None else workers
    tree_stages.prepare(out, wsj_files(ptb), silver or [], options, binarize.PAIR, processes, _say,
                        None if any_counts else check_counts)
    name = "wsj_parsing_semi" if silver else "wsj_parsing"
    print(f"Next: fairseq-hydra-train --config-dir \"$(aat conf-dir)\" --config-name {name} "
          f"task.data={out / 'data-bin'}")


def _say(text: str) -> None:
    print(text, flush=True)
