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
    """Make a corpus, train a tiny Transformer on it, translate, and show BLEU beside two baselines on a page.

    Run again, it goes on where it was; finished steps are not done twice.
    """
    from aat_plugin.demo import run
    from aat_plugin.results import demo_page

    outcome = run.run(out, paths.user_dir(), paths.conf_dir(), overrides or [], _say)
    results, page = demo_page.write(outcome)
    scores = outcome.translation
    print()
    print(f"BLEU on {scores['sentences']} sentences of which no sentence pattern was trained on:")
    print(f"  {scores['bleu']:6.2f}  the Transformer")
    print(f"  {scores['dictionary_bleu']:6.2f}  a word-for-word dictionary made from the same pairs")
    print(f"  {scores['copy_bleu']:6.2f}  copying the English")
    print(f"Scores: {results}. Next, train longer: aat demo --out {out} optimization.max_update=4000")
    print(f"Page: {page.resolve()}")


def _say(text: str) -> None:
    print(text, flush=True)
