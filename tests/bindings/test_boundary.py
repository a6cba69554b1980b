"""A user's mistake: one line under fairseq's commands, the exception itself for Python callers; bugs stay bugs."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from aat_plugin.bindings.boundary import running_as_command, user_facing
from aat_plugin.errors import DataError


@user_facing
def mistaken(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("program", "started_as", "is_command"), [
    ("/venv/bin/fairseq-train", None, True), ("/site-packages/fairseq_cli/train.py", None, True),
    ("-m", "fairseq_cli.generate", True), ("/venv/bin/pytest", None, False), ("my_training.py", "my_training", False),
])  # fmt: skip
def test_a_command_is_known_however_it_was_started(monkeypatch, program, started_as, is_command):
    monkeypatch.setattr(sys, "argv", [program])
    spec = None if started_as is None else SimpleNamespace(name=started_as)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    assert running_as_command() is is_command


def test_under_a_command_a_mistake_ends_it_with_one_line_and_status_1(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/venv/bin/fairseq-train"])
    with pytest.raises(SystemExit) as caught:
        mistaken(DataError("data folder 'x' does not exist"))
    assert caught.value.code == "aat_plugin: data folder 'x' does not exist"
    assert caught.value.__suppress_context__


def test_for_python_it_is_the_exception_itself(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["notebook"])
    with pytest.raises(DataError, match="data folder"):
        mistaken(DataError("data folder 'x' does not exist"))


def test_a_bug_keeps_its_traceback_everywhere(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/venv/bin/fairseq-train"])
    with pytest.raises(ZeroDivisionError):
        mistaken(ZeroDivisionError("a bug"))
