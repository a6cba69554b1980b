"""`aat report record`: the score of a run of yours, with its provenance, for Table 2 or 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)
EXAMPLE = ("Example: aat score bleu … --json > bleu.json; aat report record table2 --row base --column en_de "
           "--score bleu.json --command 'scripts/wmt14_en_de.sh base' --data data/data-bin/test.en-de.en.bin "
           "--folder runs/base")  # fmt: skip


@app.command(epilog=EXAMPLE)
def record(
    table: Annotated[str, typer.Argument(help="table2 or table4")],
    row: Annotated[str, typer.Option(help="base or big; wsj or semi; or a name of your own, shown below the table.")],
    score: Annotated[Path, typer.Option(help="What aat score … --json printed.")],
    command: Annotated[list[str], typer.Option(help="What was typed to get there; several, in order.")],
    folder: Annotated[Path, typer.Option(help="The run's folder, below runs/.")],
    data: Annotated[list[Path] | None, typer.Option(help="Files that it rests on, to be hashed; several.")] = None,
    column: Annotated[str, typer.Option(help="table2: en_de, en_fr, or a name of your own.")] = "en_de",
    checkpoint: Annotated[
        Path | None, typer.Option(help="table2: what training wrote; default: the last in FOLDER or beside it.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="The GPU it was trained on: P100, A100 …; default: this machine's, measured.")
    ] = None,
) -> None:
    """Write a score with commit, versions, machine and data hash into FOLDER/results.json, for `aat report`."""
    from aat_plugin.errors import choose
    from aat_plugin.results import provenance
    from aat_plugin.results.recorded_runs import write
    from aat_plugin.results.table4 import COLUMN

    choose("table", table, ("table2", "table4"))
    value, note = _score(score)
    cell = {"table": table, "row": row, "column": COLUMN if table == "table4" and column == "en_de" else column,
            "value": value, "note": note}  # fmt: skip
    cost = _cost(folder, checkpoint, device) if table == "table2" else None
    if cost is not None:
        cell["cost"] = cost
    source = provenance.collect(command, [*(data or ()), score])
    file = write(folder, source, {"cells": [cell]})
    if table == "table2" and cost is None:
        print(f"Training cost: unknown; give --checkpoint what training wrote, or keep it below {folder}")
    print(f"Recorded: {value:.2f} as run {source['run']} in {file}. Next: aat report {table}")


def _cost(folder: Path, checkpoint: Path | None, device: str | None) -> dict[str, Any] | None:
    """What the training cost; None where FOLDER holds no checkpoint that says it.

    Raises:
        CheckpointError: the checkpoint that was named does not say it.
    """
    from aat_plugin.demo.steps import threads
    from aat_plugin.errors import CheckpointError
    from aat_plugin.results.training_cost import cost_of, last_checkpoint

    found = checkpoint or last_checkpoint(folder)
    try:
        return None if found is None else cost_of(found, device, int(threads())).to_json()
    except CheckpointError as error:
        if checkpoint is not None:
            raise
        print(error)
        return None


def _score(file: Path) -> tuple[float, str]:
    """The number and its signature.

    Raises:
        DataError: the file holds no score.
    """
    from aat_plugin.corpora.files import read_lines
    from aat_plugin.errors import DataError

    try:
        found: dict[str, Any] = json.loads("\n".join(read_lines(file)))
        value = found["score"] if "score" in found else found["all"]["f1"]  # BLEU, perplexity; parses
        return float(value), str(found.get("signature", ""))
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{file} holds no score; give what aat score … --json printed") from None
