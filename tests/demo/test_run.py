"""The demo's run: its commands, what it reads from fairseq's output, its page, and that it goes on where it was."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from documents import sections

import aat_plugin
from aat_plugin.cli import main, paths
from aat_plugin.demo import corpus, parsing, run
from aat_plugin.demo.steps import DemoError

DOCS = Path(aat_plugin.__file__).resolve().parent.parent / "docs"
TINY = ["model.num_layers=2", "model.d_model=16", "model.d_ff=32", "model.num_heads=2",
        "checkpoint.save_interval_updates=1", "optimization.max_update=6"]  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(corpus, "SPLITS", {"train": 120, "valid": 10, "test": 20})
    monkeypatch.setattr(run, "DICTIONARY_PAIRS", 100)
    monkeypatch.setattr(run, "MERGES", 100)
    monkeypatch.setattr(parsing, "SEARCH", ("--beam", "2", "--max-extra", "20"))


def test_hypotheses_come_back_in_the_order_of_the_test_set():
    generated = "S-1\tx\nH-1\t-0.1\tzw@@ ei\nD-1\t-0.1\tzwei\nD-0\t-0.2\teins Hund\n"
    assert run.hypotheses(generated, 2) == ["eins Hund", "zwei"]


def test_an_empty_hypothesis_counts_as_one():
    assert run.hypotheses("D-0\t-0.2\t\n", 1) == [""]


def test_a_sentence_that_generation_left_out_is_named():
    with pytest.raises(DemoError, match="left out 1 of 2 sentences, first number 1"):
        run.hypotheses("D-0\t-0.2\teins\n", 2)


@pytest.mark.fairseq
@pytest.mark.slow
def test_the_demo_runs_through_goes_on_where_it_was_and_writes_only_into_its_folder(
    small, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--out", "out", *TINY]) == 0
    first = capsys.readouterr().out
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    scores = results["translation"]
    assert scores["sentences"] == 20
    assert all(f"{scores[name]:6.2f}" in first for name in ("bleu", "dictionary_bleu", "copy_bleu"))
    parsed = results["parsing"]
    assert all(f"{parsed[name]:6.2f}" in first for name in ("f1", "constrained_f1", "flat_f1", "right_branching_f1"))
    assert parsed["sentences"] == 20
    assert parsed["constrained_malformed_rate"] == 0
    assert 0 < parsed["flat_f1"] < 100
    assert parsed["shapes_seen"] < 50
    assert results["provenance"]["commands"][1].startswith("aat prepare pair")
    assert "$ fairseq-hydra-train" in first
    assert first.splitlines()[-1] == f"Page: {tmp_path / 'out' / 'index.html'}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]

    # What the translation's steps were is not the parser's matter: neither is done again because the other changed.
    done = (tmp_path / "out" / "logs" / "score-constrained.done").read_text(encoding="utf-8")
    assert "the grammar's corpus" in done
    assert "prepare pair" not in done
    assert "prepare trees" not in (tmp_path / "out" / "logs" / "score-model.done").read_text(encoding="utf-8")

    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert f"{scores['bleu']:.2f}" in html
    assert "Perplexity falls while it trains" in html
    assert f"{parsed['f1']:.2f}" in html
    assert html.count('role="img"') == 2
    assert results["provenance"]["run"] in html
    assert not re.search(r'(?:src|href)="(?!#)', html)

    assert main(["demo", "--out", "out", *TINY]) == 0
    assert "$ " not in capsys.readouterr().out

    after_the_demo(tmp_path, results, capsys)

    longer = [*TINY[:-1], "optimization.max_update=8"]
    assert main(["demo", "--out", "out", *longer]) == 0
    again = capsys.readouterr().out
    assert "prepare: done already" in again
    assert "$ fairseq-generate" in again
    assert "$ aat parse --checkpoint" in again
    assert "parse-flat: done already" not in again  # what follows a change is done again
    assert "Loaded checkpoint" in (tmp_path / "out" / "logs" / "train.log").read_text(encoding="utf-8")
    shutil.rmtree(tmp_path / "out")


def after_the_demo(folder, results, capsys) -> None:
    """What needs a trained demo: the report with its numbers, and the commands of docs/walkthrough.md."""
    (folder / "runs").mkdir()
    (folder / "runs" / "demo").symlink_to(folder / "out")
    assert main(["report", "all", "-o", "report.html"]) == 0
    html = (folder / "report.html").read_text(encoding="utf-8")
    cost = results["cells"][0]["cost"]
    for number in (f"{results['translation']['bleu']:.2f}", f"{results['parsing']['f1']:.2f}",
                   f"{cost['model_operations']:.2e}", "28.4", "not run"):  # fmt: skip
        assert number in html
    lines = [one.words for section in sections(DOCS / "walkthrough.md") for one in section.commands()]
    lines = [list(words) for words in lines if "runs/demo" in " ".join(words)]
    assert lines
    for words in lines:
        assert main(words[1:]) == 0
        made = folder / words[words.index("-o") + 1]
        assert made.read_text(encoding="utf-8").count("<text") > 10
        made.unlink()
    capsys.readouterr()
    (folder / "runs" / "demo").unlink()


def test_the_commands_name_the_plugins_own_folders(tmp_path):
    places = run.Places(tmp_path)
    generate = run.generate_command(places, paths.user_dir())
    assert generate[generate.index("--user-dir") + 1] == str(paths.user_dir())
    assert generate[generate.index("--beam") :] == [
        "--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50",
    ]
    train = run.train_command(places, paths.conf_dir(), ["optimization.max_update=7"])
    assert train[-1] == "optimization.max_update=7"
