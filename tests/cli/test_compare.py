"""`aat compare` from the command line: the table, JSON, the page, and mistakes in one line."""

from __future__ import annotations

import json

import pytest

from aat_plugin.cli.dispatch import main

TEXT = ["a small dog runs fast", "two men sit on a bench", "the sun shines on the sea", "she reads an old book"]
GUESS = ["a small dog runs", "two men sit at a bench", "the moon shines on the sea", "he reads an old book"]


@pytest.fixture
def files(tmp_path):
    for name, lines in {"ref.de": TEXT * 6, "good.txt": TEXT * 6, "bad.txt": GUESS * 6, "short.txt": GUESS}.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def words(folder, *names):
    return ["compare", *(str(folder / name) for name in names), "--ref", str(folder / "ref.de"), "--samples", "100"]


def test_text_json_and_page(files, capsys):
    assert main([*words(files, "good.txt", "bad.txt"), "--html", str(files / "page.html")]) == 0
    printed = capsys.readouterr().out
    assert "bad: worse" in printed
    assert f"Next: open {files / 'page.html'}" in printed
    assert "<h2>Which is better?</h2>" in (files / "page.html").read_text()
    assert main([*words(files, "good.txt", "bad.txt"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in report["systems"]] == ["good", "bad"]
    assert report["systems"][1]["verdict"] == "worse"
    assert report["sentences"] == 24


def test_parsers(files, capsys):
    for name, tree in {"gold": "(TOP (S (NP (NN a)) (VP (VB b))))", "flat": "(TOP (S (NN a) (VB b)))"}.items():
        (files / f"{name}.trees").write_text(f"{tree}\n" * 12)
    line = ["compare", str(files / "gold.trees"), str(files / "flat.trees"), "--gold", str(files / "gold.trees")]
    assert main([*line, "--samples", "50", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [one["f1"] for one in report] == [100.0, pytest.approx(50.0)]


@pytest.mark.parametrize(("names", "said"), [
    (["good.txt"], "one run is nothing to compare"),
    (["good.txt", "short.txt"], "4 sentences"),
    (["good.txt", "missing.txt"], "does not exist"),
])  # fmt: skip
def test_a_mistake_is_one_line(files, capsys, names, said):
    assert main(words(files, *names)) == 2
    printed = capsys.readouterr().err.strip()
    assert said in printed
    assert "Traceback" not in printed
