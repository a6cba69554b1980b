"""`aat figure …` on the command line: a file of the format asked for, a line about it, and mistakes in one line."""

from __future__ import annotations

import pytest

from aat_plugin import cli


def test_each_figure_without_a_model_is_written_and_said(tmp_path, capsys):
    for name in ("model", "example", "schedule", "smoothing"):
        file = tmp_path / "new" / f"{name}.svg"
        assert cli.main(["figure", name, "-o", str(file)]) == 0
        said = capsys.readouterr().out
        assert f"Figure: {file}" in said
        assert "Next: " in said
        assert "<svg" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(("words", "said"), [
    (["model", "-o", "a.jpg"], "a picture's name ends in"),
    (["model", "--variation", "bg"], "did you mean 'big'"),
    (["model", "--checkpoint", "missing.pt"], "missing.pt"),
    (["positions", "--convention", "papre"], "did you mean 'paper'"),
    (["training", "missing"], "no log"),
    (["attention", "--sentence", "x"], "give a system"),
    (["attention", "--sentence", "x", "--head", "1"], "--layer"),
    (["attention", "missing.tar.gz", "--sentence", "x"], "does not exist"),
    (["constituents", "missing", "--trees", "x"], "does not exist"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_nothing_is_written(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["figure", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
