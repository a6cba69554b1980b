"""The `aat` command. One thin file a subcommand; starts quickly because each is imported only when it runs.

Read `registry` (the table of subcommands), then `dispatch` (how one is run and how mistakes are shown).
"""

from aat_plugin.cli.dispatch import main

__all__ = ["main"]
