"""`aat score …`: BLEU and perplexity. Each sub-command is a file of its own, imported only when it is asked for.

To add one: write its module with `app = typer.Typer(...)` and one command, and add its line to `SUBCOMMANDS`.
Read `score_bleu` and `score_ppl` next.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

SUBCOMMANDS = {
    "bleu": "aat_plugin.cli.score_bleu",
    "ppl": "aat_plugin.cli.score_ppl",
}


class _Late(TyperGroup):
    """A group that imports a sub-command when it is run, or all of them (they are light) for `--help`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the table's order."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one sub-command; None where there is no such name."""
        if cmd_name not in SUBCOMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(SUBCOMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command


app = typer.Typer(add_completion=False, cls=_Late)


@app.callback(epilog="Example: aat score bleu --protocol paper --hyp translations.de --ref test.de")
def score() -> None:
    """Score a system: BLEU by one of several protocols, perplexity."""
