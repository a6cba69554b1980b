"""`aat import fairseq`: a stock transformer's checkpoint as one of the plugin's."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat import fairseq stock/checkpoint_last.pt -o ours.pt")
def fairseq(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint of any architecture of stock's `transformer`.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a checkpoint of the plugin with the same logits, and the optimizer's state where there is one."""
    from aat_plugin.export.from_fairseq import import_fairseq

    done = import_fairseq(checkpoint, out)
    if as_json:
        print(json.dumps(asdict(done) | {"output": str(done.output)}, indent=2))
        return
    state = "with its optimizer's state" if done.optimizer else "without an optimizer's state"
    because = f" ({done.left_out})" if done.left_out else ""
    print(f"{done.output}: {done.arch} after {done.updates:,} updates, {state}{because}")
    flags = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in done.options.items())
    print(f"  to train on: --task aat_translation --arch aat_transformer --convention fairseq {flags}")
    print(f'Next: fairseq-generate DATA --user-dir "$(aat user-dir)" --task aat_translation --path {done.output}')
