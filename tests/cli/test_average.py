"""`aat average`'s words: a folder with --last, or files; what it prints; what it refuses."""

from __future__ import annotations

import json

import pytest
import torch

from aat_plugin.bindings import averaging
from aat_plugin.cli import main


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints by update, whose weight is the update."""
    for update in (10, 20, 40):
        torch.save({
            "args": None, "cfg": {"model": {"_name": "aat_transformer"}}, "model": {"w": torch.tensor([float(update)])},
            "optimizer_history": [{"num_updates": update}], "extra_state": {},
        }, tmp_path / f"checkpoint_1_{update}.pt")
    return tmp_path


def weight(path):
    return torch.load(path)["model"]["w"].item()


def test_the_last_of_a_folder_are_averaged_and_listed(folder, capsys):
    output = folder / "averaged.pt"
    assert main(["average", "--last", "2", str(folder), "-o", str(output)]) == 0
    assert weight(output) == 30
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{output}: the mean of 2 checkpoints, updates 20 to 40, 1 weights"
    assert printed[1:3] == [f"  {folder / name}" for name in ("checkpoint_1_20.pt", "checkpoint_1_40.pt")]
    assert printed[-1].startswith("Next: fairseq-generate DATA")


def test_files_are_averaged_in_the_order_that_they_are_named(folder, capsys):
    files = [str(folder / f"checkpoint_1_{update}.pt") for update in (40, 10)]
    assert main(["average", *files, "-o", str(folder / "out.pt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "output": str(folder / "out.pt"), "inputs": files, "updates": [40, 10], "weights": 1,
    }
    assert weight(folder / "out.pt") == 25


@pytest.mark.parametrize("place", ["read_checkpoint", "save_atomically"])
def test_ctrl_c_leaves_the_older_result(folder, capsys, monkeypatch, place):
    """While a file is read, and while the result is written."""
    output = folder / "averaged.pt"
    output.write_bytes(b"older")
    before = sorted(folder.iterdir())
    if place == "read_checkpoint":
        monkeypatch.setattr(averaging, place, interrupted)
    else:
        monkeypatch.setattr(torch, "save", interrupted)
    assert main(["average", "--last", "2", str(folder), "-o", str(output)]) == 130
    assert capsys.readouterr().err == "aat: interrupted\n"
    assert output.read_bytes() == b"older"
    assert sorted(folder.iterdir()) == before


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("words", "message"), [
    (["{}"], "say how many of its checkpoints, such as --last 5"),
    (["{}", "--last", "4"], "holds 3 checkpoints by update, and --last asks for 4"),
    (["{}", "{}/checkpoint_1_10.pt", "--last", "1"], "give one folder with --last, or a list of files"),
    (["{}/nowhere", "--last", "1"], "nowhere: No such file or directory; give the folder that --save-dir named"),
    (["{}/no.pt"], "checkpoint {}/no.pt does not exist; its folder holds checkpoint_1_10.pt"),
    (["{}/checkpoint_1_10.pt", "--last", "1"], "--last chooses among a folder's checkpoints"),
    (["{}/checkpoint_1_10.pt", "--upto", "1"], "--upto chooses among a folder's checkpoints"),
    (["{}/checkpoint_1_10.pt", "--by", "epoch"], "--by chooses among a folder's checkpoints"),
    (["{}", "--last", "x"], "Invalid value for '--last'"),
    ([], "Missing argument"),
])
def test_a_mistake_is_one_line_and_writes_nothing(folder, capsys, words, message):
    before = sorted(folder.iterdir())
    status = main(["average", *(word.format(folder) for word in words), "-o", str(folder / "out.pt")])
    error = capsys.readouterr().err
    assert status == 2
    assert message.format(folder) in error
    assert error.count("\n") == 1
    assert sorted(folder.iterdir()) == before
