"""`aat compare`: systems side by side on one test set, as text, JSON and a page.

Read `results.runs` for what a run is and `results.comparison` for what is computed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.results.comparison import Comparison

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat compare aat=aat/test.out gru=gru/test.out --ref test.de --html compare.html")
def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]RUN...",
            help="fairseq-generate's output, plain sentences, or a folder with an output; one NAME, several seeds.",
        ),
    ],
    ref: Annotated[
        Path | None, typer.Option(help="References for all; left out, the T- lines of the outputs.")
    ] = None,
    gold: Annotated[Path | None, typer.Option(help="Gold trees: the runs are parsers' trees, one a line.")] = None,
    protocol: Annotated[
        str, typer.Option(metavar="paper|multi-bleu|sacrebleu|t2t", help="As aat score bleu has them.")
    ] = "sacrebleu",
    lang: Annotated[str | None, typer.Option(help="The target's language; else --ref's suffix, else de.")] = None,
    tokenized: Annotated[bool, typer.Option("--tokenized", help="The lines are tokens already.")] = False,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Compare without case.")] = False,
    samples: Annotated[int, typer.Option(help="Test sets that the paired bootstrap draws.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page too; it quotes sentences of the test set.")] = None,
) -> None:
    """Compare systems: BLEU with intervals, paired bootstrap, perplexity, size, speed, quality by length.

    The first run is what the others are held against. Different test data is refused; different decoding is shown.
    """
    if gold is not None:
        _parsers(runs, gold, samples, as_json, html)
        return
    import logging

    from aat_plugin.cli.score_input import language_of
    from aat_plugin.results import comparison, comparison_page
    from aat_plugin.results.runs import read_runs
    from aat_plugin.translation.bleu import Setting

    for chatty in ("sacrebleu", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    setting = Setting(protocol, lang or language_of(ref), tokenized, lowercase)
    read = read_runs(runs)
    found = comparison.compare(read, ref, setting, samples, _measure)
    if html is not None:
        comparison_page.write(html, found, runs, [run.path for seeds in read.values() for run in seeds])
    if as_json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
        return
    _show(found)
    shown = f"open {html}" if html is not None else "--html FILE writes curves, quality by length and sentences"
    print(f"Next: {shown}")


def _measure(checkpoint: Path) -> tuple[int, float | None]:
    from aat_plugin.bindings.checkpoint_reading import count_parameters  # seconds of imports, where there is a file
    from aat_plugin.bindings.flops import training_flops

    return count_parameters(checkpoint), training_flops(checkpoint)


def _parsers(runs: list[str], gold: Path, samples: int, as_json: bool, html: Path | None) -> None:
    """The same for parsers."""
    from dataclasses import asdict
    from itertools import chain

    from aat_plugin.results import comparison_page
    from aat_plugin.results.parsers_compared import compare_parsers, table
    from aat_plugin.results.runs import named

    files: dict[str, list[Path]] = {}
    for name, path in map(named, runs):
        files.setdefault(name, []).append(path)
    found = compare_parsers(files, gold, samples)
    if html is not None:
        comparison_page.write_parsers(html, found, runs, [gold, *chain(*files.values())], samples)
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
        return
    _table(f"F1 on {found[0].sentences} sentences", *table(found))
    print("Next: aat score parse --gold GOLD --pred TREES gives a parser's figures by label and length")


def _show(found: Comparison) -> None:
    from aat_plugin.results import comparison_table

    _table(f"BLEU on {found.sentences} sentences ({found.signature})", *comparison_table.quality(found.systems))
    columns, rows = comparison_table.cost(found.systems)
    if len(columns) > 1:
        _table("What it costs", columns, rows)
    for line in (*comparison_table.decodings(found.systems), *comparison_table.verdicts(found.systems)):
        print(line)
    print(comparison_table.how_tested(found.systems, found.samples))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)

