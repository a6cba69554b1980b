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
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Overrides of both conf/demo_translation and conf/demo_parsing."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for everything that it makes.")] = Path("runs/demo"),
) -> None:
    """Make a corpus, train a tiny translator and a tiny parser on it, and show BLEU and F1 beside baselines on a page.

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
    trees = outcome.parsing
    print(f"F1 of their trees, of which {trees['shapes_seen']:.0f} % have a shape that was trained on:")
    print(f"  {trees['f1']:6.2f}  the Transformer; {trees['malformed_rate']:.1f} % of its outputs had to be repaired")
    print(f"  {trees['constrained_f1']:6.2f}  the same, searching among trees alone")
    print(f"  {trees['right_branching_f1']:6.2f}  right-branching trees")
    print(f"  {trees['flat_f1']:6.2f}  flat trees")
    print(f"Scores: {results}. Next, train longer: aat demo --out {out} optimization.max_update=6000")
    print(f"Page: {page.resolve()}")


def _say(text: str) -> None:
    print(text, flush=True)
