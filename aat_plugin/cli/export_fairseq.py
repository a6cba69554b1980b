"""`aat export fairseq`: a checkpoint that stock fairseq loads without the plugin."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat export fairseq checkpoints/averaged.pt -o stock.pt")
def fairseq(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of the plugin's Transformer.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a checkpoint that stock fairseq loads as its `transformer`, with the same logits and translations."""
    from aat_plugin.export.to_fairseq import export_fairseq

    done = export_fairseq(checkpoint, out)
    if as_json:
        print(json.dumps(asdict(done) | {"output": str(done.output)}, indent=2))
        return
    added = [f"positions of the {side} as a learned table" for side in done.learned_positions]
    added += ["zero biases in the attention"] * done.added_biases
    print(f"{done.output}: arch transformer, {done.weights:,} weights, {done.bytes / 1e6:.1f} MB")
    if added:
        print(f"  with {', '.join(added)}")
    print(f"Next: fairseq-generate DATA --path {done.output} --beam 4 --required-batch-size-multiple 1")
