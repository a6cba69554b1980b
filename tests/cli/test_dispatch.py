"""The `aat` command: quick, lazy, one line for a mistake."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

import aat_plugin
from aat_plugin.cli import dispatch, main, paths
from aat_plugin.cli.registry import SUBCOMMANDS, Subcommand
from aat_plugin.errors import DataError

AAT = str(Path(sys.executable).parent / "aat")


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AAT, *words], capture_output=True, text=True, cwd=cwd, timeout=120)


@pytest.fixture
def subcommand(monkeypatch):
    """`subcommand(function)` makes `aat try` run it."""

    def add(function):
        app = typer.Typer(add_completion=False)
        app.command()(function)
        module = types.ModuleType("aat_test_subcommand")
        module.app = app
        monkeypatch.setitem(sys.modules, "aat_test_subcommand", module)
        monkeypatch.setattr(dispatch, "SUBCOMMANDS", (Subcommand("try", "aat_test_subcommand", "Test", "test"),))

    return add


def test_help_lists_every_subcommand_with_its_summary(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for one in SUBCOMMANDS:
        assert one.name in text
        assert one.summary in text


def test_without_a_word_the_help_is_shown(capsys):
    assert main([]) == 0
    assert "Usage: aat" in capsys.readouterr().out


def test_help_imports_the_standard_library_alone_and_little_of_it():
    """What starting takes, counted in modules; on an idle core it is under 0.1 s."""
    code = """
import sys
before = set(sys.modules)
from aat_plugin.cli import main
main(["--help"])
new = set(sys.modules) - before
print(len(new), *sorted({name.partition(".")[0] for name in new}), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    number, *packages = done.stderr.split()
    assert set(packages) <= set(sys.stdlib_module_names) | {"aat_plugin"}
    assert int(number) < 60


@pytest.mark.parametrize("one", SUBCOMMANDS, ids=lambda one: one.name)
def test_each_subcommands_help_has_an_example_and_needs_no_torch(one):
    code = "import sys; from aat_plugin.cli import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code, one.name, "--help"], capture_output=True, text=True, check=True)
    assert "Example:" in done.stdout


def test_names_and_modules_are_each_used_once():
    assert len({one.name for one in SUBCOMMANDS}) == len({one.module for one in SUBCOMMANDS}) == len(SUBCOMMANDS)


def test_an_unknown_subcommand_is_one_line_with_the_nearest_name(capsys):
    assert main(["docter"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "did you mean 'doctor'" in error


def test_an_unknown_option_is_one_line(capsys):
    assert main(["version", "--nonsense"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--nonsense" in error


def test_a_users_mistake_is_one_line_and_status_2(subcommand, capsys):
    def mistaken() -> None:
        raise DataError("train.en has 3 lines, train.de has 2")

    subcommand(mistaken)
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "aat: train.en has 3 lines, train.de has 2\n"


def test_a_missing_file_is_one_line_that_names_it(subcommand, capsys):
    def mistaken() -> None:
        Path("/nowhere/at/all").read_text(encoding="utf-8")

    subcommand(mistaken)
    assert main(["try"]) == 2
    assert capsys.readouterr().err == "aat: /nowhere/at/all: No such file or directory\n"


def test_a_bug_keeps_its_traceback(subcommand):
    def faulty() -> None:
        raise ZeroDivisionError

    subcommand(faulty)
    with pytest.raises(ZeroDivisionError):
        main(["try"])


def test_an_interrupt_is_one_line_and_status_130(subcommand, capsys):
    def interrupted() -> None:
        raise KeyboardInterrupt

    subcommand(interrupted)
    assert main(["try"]) == 130
    assert capsys.readouterr().err == "aat: interrupted\n"


def test_an_exit_status_of_a_subcommand_is_handed_on(subcommand):
    def leaves() -> None:
        raise typer.Exit(1)

    subcommand(leaves)
    assert main(["try"]) == 1


def test_a_reader_that_goes_away_is_no_error():
    code = "import sys; from aat_plugin.cli import main; sys.stdin.read(); sys.exit(main(['--help']))"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    _, error = process.communicate()
    assert (process.returncode, error) == (141, b"")


def test_the_two_folders_are_printed_alone_from_any_directory(tmp_path):
    assert run("user-dir", cwd=tmp_path).stdout == f"{Path(aat_plugin.__file__).resolve().parent}\n"
    folder = Path(run("conf-dir", cwd=tmp_path).stdout.rstrip("\n"))
    assert (folder / "demo_translation.yaml").is_file()


def test_a_missing_conf_folder_is_a_clear_line(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "user_dir", lambda: tmp_path / "aat_plugin")
    with pytest.raises(DataError, match="conf is missing"):
        paths.conf_dir()
    (tmp_path / "conf").mkdir()
    assert paths.conf_dir() == (tmp_path / "conf").resolve()


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{aat_plugin.__version__}\n"
    assert os.access(AAT, os.X_OK)
