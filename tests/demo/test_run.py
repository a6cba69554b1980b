"""The demo's run: its commands, what it reads from fairseq's output, and that it goes on where it was."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from aat_plugin.cli import main, paths
from aat_plugin.demo import corpus, run

TINY = ["model.num_layers=1", "model.d_model=16", "model.d_ff=32", "model.num_heads=2", "optimization.max_update=4"]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(corpus, "SPLITS", {"train": 120, "valid": 10, "test": 20})
    monkeypatch.setattr(run, "DICTIONARY_PAIRS", 100)


def test_hypotheses_come_back_in_the_order_of_the_test_set():
    generated = "S-1\tx\nH-1\t-0.1\tzwei\nD-1\t-0.1\tzwei\nH-0\t-0.2\teins Hund\n"
    assert run.hypotheses(generated, 2) == ["eins Hund", "zwei"]


def test_an_empty_hypothesis_counts_as_one():
    assert run.hypotheses("H-0\t-0.2\t\n", 1) == [""]


def test_a_sentence_that_generation_left_out_is_named():
    with pytest.raises(run.DemoError, match="left out 1 of 2 sentences, first number 1"):
        run.hypotheses("H-0\t-0.2\teins\n", 2)


def test_progress_is_read_from_fairseqs_log_line():
    line = "2026 | INFO | train_inner | epoch 001: 50 / 383 loss=8, ppl=450.9, wps=4353.1, num_updates=50, lr=0.1"
    assert run.progress(line) == "update 50: perplexity 450.9, 4353.1 words/s"


def test_a_failing_step_names_itself_its_reason_and_its_log(tmp_path, monkeypatch):
    (tmp_path / "logs").mkdir()
    with pytest.raises(run.DemoError, match=r"broken ended with status \d+: .*No such file.*broken\.log"):
        run._step(run.Places(tmp_path), "broken", [Path(sys.executable).name, "/nowhere.py"], print)
    assert not (tmp_path / "logs" / "broken.done").exists()


@pytest.mark.fairseq
@pytest.mark.slow
def test_the_demo_runs_through_goes_on_where_it_was_and_writes_only_into_its_folder(
    small, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--out", "out", *TINY]) == 0
    first = capsys.readouterr().out
    scores = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["bleu"]
    assert set(scores) == {"model", "dictionary", "copy"}
    assert all(f"{score:6.2f}" in first for score in scores.values())
    assert "$ fairseq-hydra-train" in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]

    assert main(["demo", "--out", "out", *TINY]) == 0
    assert "$ fairseq" not in capsys.readouterr().out

    longer = [*TINY[:-1], "optimization.max_update=6"]
    assert main(["demo", "--out", "out", *longer]) == 0
    again = capsys.readouterr().out
    assert "preprocess: done already" in again
    assert "$ fairseq-generate" in again
    assert "Loaded checkpoint" in (tmp_path / "out" / "logs" / "train.log").read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "out")


def test_the_commands_name_the_plugins_own_folders(tmp_path):
    places = run.Places(tmp_path)
    generate = run.generate_command(places, paths.user_dir())
    assert generate[generate.index("--user-dir") + 1] == str(paths.user_dir())
    assert generate[generate.index("--beam") :] == [
        "--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50",
    ]
    train = run.train_command(places, paths.conf_dir(), ["optimization.max_update=7"])
    assert train[-1] == "optimization.max_update=7"
