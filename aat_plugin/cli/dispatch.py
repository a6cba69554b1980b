"""The `aat` command: finds the subcommand in `registry`, imports it alone, and turns mistakes into one line.

Exit status: 0 done; 1 `aat doctor` found something broken, or a bug (with its traceback); 2 a mistake of the user's;
130 interrupted; 141 the reader of the output went away (`aat … | head`). Read the subcommands' files next.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from itertools import groupby

from aat_plugin.cli.registry import SUBCOMMANDS, Subcommand
from aat_plugin.errors import AatError, nearest

USER_MISTAKE = 2
INTERRUPTED = 130
READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: the words after `aat`; None takes the process's own.

    Returns:
        The exit status, as in the module's docstring.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(words)
        sys.stdout.flush()
    except AatError as error:
        return _complain(str(error), USER_MISTAKE)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Python flushes standard output once more when it ends; it must not find the closed pipe then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        if error.filename is None:
            raise
        return _complain(f"{error.filename}: {error.strerror}", USER_MISTAKE)
    return status


def _run(words: list[str]) -> int:
    """Answer `--help` and `--version` here, and hand everything else to its subcommand."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    name = "version" if words[0] == "--version" else words[0]
    for subcommand in SUBCOMMANDS:
        if subcommand.name == name:
            return _hand_over(subcommand, words[1:])
    hint = nearest(name, (subcommand.name for subcommand in SUBCOMMANDS))
    return _complain(f"there is no '{name}'{hint} (`aat --help` lists what there is)", USER_MISTAKE)


def _hand_over(subcommand: Subcommand, words: list[str]) -> int:
    """Import the subcommand's module and run its `app`; what it returns or raises is the exit status."""
    import typer

    command = typer.main.get_command(importlib.import_module(subcommand.module).app)
    try:
        status = command.main(args=words, prog_name=f"aat {subcommand.name}", standalone_mode=False)
    except typer.TyperException as error:
        message = " ".join(error.format_message().split())
        return _complain(f"{message} (`aat {subcommand.name} --help` says more)", USER_MISTAKE)
    except typer.Abort:
        return _complain("interrupted", INTERRUPTED)
    if status == INTERRUPTED:
        return _complain("interrupted", INTERRUPTED)
    return status if isinstance(status, int) else 0


def overview() -> str:
    """The text of `aat --help`: every subcommand under its topic, without importing one."""
    width = max(len(subcommand.name) for subcommand in SUBCOMMANDS)
    lines = ["Usage: aat SUBCOMMAND …", "", '"Attention Is All You Need" inside fairseq: the tools around the plugin.']
    for topic, members in groupby(SUBCOMMANDS, key=lambda subcommand: subcommand.topic):
        lines += ["", f"{topic}:"]
        lines += [f"  {member.name.ljust(width)}  {member.summary}" for member in members]
    lines += ["", "`aat SUBCOMMAND --help` has the options and an example:"]
    lines += ['  fairseq-train DATA --user-dir "$(aat user-dir)" --arch aat_transformer_base …']
    return "\n".join(lines)


def _complain(text: str, status: int) -> int:
    """One line on standard error."""
    print(f"aat: {text}", file=sys.stderr)
    return status
