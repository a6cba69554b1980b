"""`aat demo`: the whole path on a grammar that makes its own corpus, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aat_plugin.cli import paths

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat demo --out runs/demo optimization.max_update=1000")
def demo(
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Overrides of conf/demo_translation.yaml.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for everything that it makes.")] = Path("runs/demo"),
) -> None:
    """Make a corpus, train a tiny Transformer on it, translate, and print BLEU beside two baselines.

    Run again, it goes on where it was; finished steps are not done twice.
    """
    from aat_plugin.demo import run

    scores = run.run(out, paths.user_dir(), paths.conf_dir(), overrides or [], _say)
    print()
    print(f"BLEU on {out / 'text' / 'test.en'}, of which no sentence and no sentence pattern was trained on:")
    print(f"  {scores['model']:6.2f}  the Transformer")
    print(f"  {scores['dictionary']:6.2f}  a word-for-word dictionary made from the same pairs")
    print(f"  {scores['copy']:6.2f}  copying the English")
    print(f"Scores: {out / 'results.json'}. Next, train on for a better score:")
    print(f"  aat demo --out {out} optimization.max_update=3000")


def _say(text: str) -> None:
    print(text, flush=True)
