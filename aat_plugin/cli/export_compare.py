"""`aat export compare`: the same model in each of its homes, by logits, translations, BLEU and size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.export.comparison import Row

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat export compare checkpoints/averaged.pt --data data/data-bin")
def compare(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of the plugin's Transformer.")],
    data: Annotated[Path, typer.Option(help="Its data-bin.")],
    split: Annotated[str, typer.Option(help="Which part of the data-bin.")] = "test",
    sentences: Annotated[int | None, typer.Option(help="How many; default all.", min=1)] = 1000,
    quantizations: Annotated[
        str, typer.Option(metavar="KINDS", help="CTranslate2's, with commas between.")
    ] = "float32,bfloat16,int8",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Export to a temporary folder, translate with each, and show what the conversion changed."""
    import logging
    import sys
    import warnings

    from aat_plugin.export.optional import need_ctranslate2

    need_ctranslate2()
    from aat_plugin.export.comparison import compare as run

    def say(text: str) -> None:
        if sys.stderr.isatty():
            print(text, file=sys.stderr)

    logging.disable(logging.INFO)  # fairseq tells of each dictionary that it opens
    warnings.filterwarnings("ignore", message="Support for mismatched")  # stock fairseq's attention under torch 2
    rows = run(checkpoint, data, split, sentences, quantizations.split(","), say)
    if as_json:
        print(json.dumps({"checkpoint": str(checkpoint), "rows": [row.as_dict() for row in rows]}, indent=2))
    else:
        _show(rows)


def _show(rows: list[Row]) -> None:
    """The rows as a Markdown table, for a report as it is."""
    print("| home | search | MB | largest logit difference | same translations | BLEU | ours, same rules |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        if row.reasons:
            print(f"| {row.home} | cannot: {'; '.join(row.reasons)} | | | | | |")
            continue
        logits = "" if row.logits is None else f"{row.logits:.1e} (float64: {row.logits64:.1e})"
        same = f"{row.identical} of {row.sentences}"
        print(
            f"| {row.home} | {row.search} | {row.megabytes:.1f} | {logits} | {same} | {row.bleu:.2f} "
            f"| {row.our_bleu:.2f} |"
        )
    print("Next: aat export ctranslate2 --quantization KIND, with the kind whose loss is worth its size")
