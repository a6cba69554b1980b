"""`aat export …` and `aat import …`: what is printed, what is JSON, and that a mistake is one line."""

from __future__ import annotations

import json

import pytest
from travelling import data_bin, save_ours, save_stock

from aat_plugin.cli.dispatch import main


@pytest.fixture
def ours(tmp_path):
    """A checkpoint of ours and its data-bin."""
    data = data_bin(tmp_path / "bin")
    return save_ours(tmp_path / "ours.pt", data)[1], data


def said(capsys, *words, status=0):
    assert main([str(word) for word in words]) == status
    printed = capsys.readouterr()
    return printed.out if status == 0 else printed.err


def test_each_journey_ends_with_a_next_step(ours, tmp_path, capsys):
    checkpoint, data = ours
    save_stock(tmp_path / "stock.pt")
    journeys = [
        ("export", "fairseq", checkpoint, "-o", tmp_path / "there.pt"),
        ("export", "safetensors", checkpoint, "-o", tmp_path / "model"),
        ("export", "ctranslate2", checkpoint, "-o", tmp_path / "ct2", "--data", data, "--quantization", "int8"),
        ("import", "fairseq", tmp_path / "stock.pt", "-o", tmp_path / "taken.pt"),
        ("import", "safetensors", tmp_path / "model", "-o", tmp_path / "back.pt", "--dictionaries", tmp_path / "words"),
    ]
    for words in journeys:
        lines = said(capsys, *words).splitlines()
        assert str(words[4]) in lines[0]
        assert lines[-1].startswith("Next: ")
        assert words[4].exists()
    assert (tmp_path / "words" / "dict.src.txt").exists()


def test_each_journey_can_answer_in_json(ours, tmp_path, capsys):
    checkpoint, _ = ours
    save_stock(tmp_path / "stock.pt")
    there = json.loads(said(capsys, "export", "fairseq", checkpoint, "-o", tmp_path / "a.pt", "--json"))
    assert there["learned_positions"] == ["encoder", "decoder"]
    folder = json.loads(said(capsys, "export", "safetensors", checkpoint, "-o", tmp_path / "b", "--json"))
    assert folder["bytes"] == sum(file.stat().st_size for file in (tmp_path / "b").iterdir())
    serving = json.loads(said(capsys, "export", "ctranslate2", checkpoint, "-o", tmp_path / "c", "--json"))
    assert serving["quantization"] == "float32"
    taken = json.loads(said(capsys, "import", "fairseq", tmp_path / "stock.pt", "-o", tmp_path / "d.pt", "--json"))
    assert (taken["arch"], taken["updates"], taken["optimizer"]) == ("transformer", 3, False)
    back = json.loads(said(capsys, "import", "safetensors", tmp_path / "b", "-o", tmp_path / "e.pt", "--json"))
    assert back["weights"] == folder["weights"]


@pytest.mark.parametrize("words", [
    ("export", "fairseq", "missing.pt", "-o", "x.pt"),
    ("export", "safetensors", "missing.pt", "-o", "x"),
    ("export", "ctranslate2", "missing.pt", "-o", "x"),
    ("export", "ctranslate2", "missing.pt", "-o", "x", "--quantization", "int7"),
    ("export", "compare", "missing.pt", "--data", "nowhere"),
    ("export", "onnx", "missing.pt"),
    ("export",),
    ("export", "fairseq", "missing.pt"),
    ("import", "fairseq", "missing.pt", "-o", "x.pt"),
    ("import", "safetensors", "missing", "-o", "x.pt"),
])  # fmt: skip
def test_a_mistake_is_one_line(words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said(capsys, *words, status=2).count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_all_reasons_are_one_line_too(tmp_path, capsys):
    _, path = save_ours(tmp_path / "ours.pt", "nowhere", "t2t_head", d_k=4, d_v=4)
    complaint = said(capsys, "export", "fairseq", path, "-o", tmp_path / "x.pt", status=2)
    assert complaint.count("\n") == 1
    assert "3 reasons" in complaint
    assert not (tmp_path / "x.pt").exists()


def test_without_ctranslate2_it_is_said_how_to_get_it(ours, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    complaint = said(capsys, "export", "ctranslate2", ours[0], "-o", tmp_path / "x", status=2)
    assert "pip install 'aat_plugin[serving]'" in complaint
