"""Groups such as `aat score …` whose sub-commands are files of their own, imported only when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup


def late_group(subcommands: Mapping[str, str]) -> type[TyperGroup]:
    """A class for `typer.Typer(cls=…)`.

    Args:
        subcommands: name → module whose `app` has one command; listed in this order.
    """

    class Late(TyperGroup):
        """Imports a sub-command when it is run, or all of them (they are light) for `--help`."""

        def list_commands(self, ctx: Any) -> list[str]:
            """The names, in the table's order."""
            return list(subcommands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Import one sub-command; None where there is no such name."""
            if cmd_name not in subcommands:
                return None
            command = typer.main.get_command(importlib.import_module(subcommands[cmd_name]).app)
            command.name = cmd_name
            return command

    return Late
