"""`aat score …`: BLEU, perplexity, parses. Each sub-command is a file of its own, imported only when it is asked for.

To add one: write its module with `app = typer.Typer(...)` and one command, and add its line to `SUBCOMMANDS`.
Read `score_bleu` and `score_ppl` next.
"""

from __future__ import annotations

import typer

from aat_plugin.cli.late import late_group

SUBCOMMANDS = {
    "bleu": "aat_plugin.cli.score_bleu",
    "ppl": "aat_plugin.cli.score_ppl",
    "parse": "aat_plugin.cli.score_parse",
}


app = typer.Typer(add_completion=False, cls=late_group(SUBCOMMANDS))


@app.callback(epilog="Example: aat score bleu --protocol paper --hyp translations.de --ref test.de")
def score() -> None:
    """Score a system: BLEU by one of several protocols, perplexity, parses."""
