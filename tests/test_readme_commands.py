"""Every command in README.md's ```bash blocks works: each stands in a table that says how it is tested, or fails.

fairseq's commands are read by fairseq's own parser with the plugin loaded (what they do is tested in tests/fairseq/);
Hydra's are composed; make's are planned; aat's are run.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import aat_plugin

ROOT = Path(aat_plugin.__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PARSE = """
import sys
from fairseq import options
parser = options.get_training_parser() if sys.argv[1] == "train" else options.get_generation_parser()
args = options.parse_args_and_arch(parser, sys.argv[2:])
print(args.task)
"""


def commands() -> list[str]:
    """The commands of the bash blocks, continued lines joined, remarks taken off."""
    blocks = re.findall(r"^```bash\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S | re.M)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [" ".join(line.split("  #")[0].split()) for line in lines if line.strip() and not line.startswith("#")]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    words = ["bash", "-c", command]
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120)


def parsed(command: str) -> None:
    """By fairseq-train's or fairseq-generate's parser; the words after the name are the README's, shell and all."""
    name, _, words = re.split(r" [<>] ", command)[0].partition(" ")
    done = shell(f"{shlex.quote(sys.executable)} -c {shlex.quote(PARSE)} {name.removeprefix('fairseq-')} {words}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("aat_translation")


def composed(command: str) -> None:
    done = shell(f"{command} --cfg job")
    assert done.returncode == 0, done.stderr
    assert "criterion:" in done.stdout


def planned(command: str) -> None:
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)


def run(command: str) -> None:
    assert shell(command).returncode == 0


def understood(command: str) -> None:
    """By the sub-command's own parser: the names, options and values of the README are its own; nothing is run."""
    import importlib

    import typer

    from aat_plugin.cli.registry import SUBCOMMANDS

    words = shlex.split(re.split(r" [<>] ", command)[0])[1:]
    module = next(one.module for one in SUBCOMMANDS if one.name == words[0])
    parser = typer.main.get_command(importlib.import_module(module).app)
    name = words.pop(0)
    while hasattr(parser, "get_command"):
        name = words.pop(0)
        parser = parser.get_command(None, name)
        assert parser is not None, f"there is no '{name}' in: {command}"
    parser.make_context(name, words)


def activated(command: str) -> None:
    assert command == "source .venv/bin/activate"
    assert "VENV ?= .venv\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


# How a command is tested, by its beginning.
TABLE: dict[str, Callable[[str], None]] = {
    "make ": planned,
    "source ": activated,
    "fairseq-train ": parsed,
    "fairseq-generate ": parsed,
    "fairseq-hydra-train ": composed,
    "aat doctor": run,
    "aat user-dir": run,
    "aat conf-dir": run,
    "aat ": understood,
}


def test_the_readme_has_its_two_commands_first():
    assert commands()[:2] == ["make demo", "make test"]


@pytest.mark.fairseq
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(command):
    checks = [check for beginning, check in TABLE.items() if command.startswith(beginning)]
    assert checks, f"README.md has a command that no test knows: {command}"
    checks[0](command)


def test_every_aat_subcommand_that_the_readme_names_exists():
    from aat_plugin.cli.registry import SUBCOMMANDS

    named = set(re.findall(r"`aat ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= {one.name for one in SUBCOMMANDS}
