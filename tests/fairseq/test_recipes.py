"""The recipes in scripts/ run through on a few made-up lines, and go on where they were."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest
from raw_text import write_raw
from recipe_runner import recipe

from aat_plugin.results.recorded_runs import figures, find

pytestmark = [pytest.mark.fairseq, pytest.mark.slow, pytest.mark.timeout(3600)]  # minutes on a busy machine

TINY = ["model.num_layers=1", "model.d_model=16", "model.d_ff=32", "model.num_heads=2", "optimization.max_update=12",
        "dataset.max_tokens=600", "dataset.num_workers=0"]  # fmt: skip


@pytest.fixture
def raw(tmp_path) -> Path:
    """What `aat fetch multi30k_en_de` brings, in names only."""
    folder = tmp_path / "raw"
    folder.mkdir()
    generator = random.Random(5)
    for split, lines in (("train", 120), ("val", 10), ("test2016", 15)):
        write_raw(folder, split, lines, generator)
    return folder


def test_multi30k_goes_from_raw_text_to_two_scores_and_does_nothing_twice(raw, tmp_path):
    words = ["--raw", raw, "--out", tmp_path / "run", "--average", 2, *TINY]
    first = recipe("multi30k_en_de.sh", *words)
    assert first.returncode == 0, first.stderr[-2000:]
    run = tmp_path / "run" / "aat"
    scores = json.loads((run / "results.json").read_text())["scores"]
    assert set(scores) == {"multi-bleu", "sacrebleu"}
    assert (run / "averaged.pt").is_file()
    assert len(list(run.glob("checkpoint[0-9]*.pt"))) >= 2
    again = recipe("multi30k_en_de.sh", *words)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "binarise train.en: up to date" in again.stdout
    assert "train: done before" in again.stdout
    shutil.copy(raw / "val.en", raw / "train.en")
    shutil.copy(raw / "val.de", raw / "train.de")
    changed = recipe("multi30k_en_de.sh", *words)
    assert changed.returncode == 2
    assert "is not what" in changed.stderr


@pytest.fixture
def trees(tmp_path) -> list[str]:
    """Made-up trees, as the options that name their files."""
    words = []
    for split, numbers in (("train", range(90)), ("valid", range(90, 100)), ("test", range(100, 112))):
        lines = [f"(S (NP (DT the) (NN n{n % 7})) (VP (VBZ v{n % 5}) (NP (NN -LRB-) (NN n{n % 3}))))" for n in numbers]
        (tmp_path / f"{split}.ptb").write_text("\n".join(lines) + "\n")
        words += [f"--{split}", str(tmp_path / f"{split}.ptb")]
    return words


def test_a_treebank_goes_from_brackets_to_f1_free_and_constrained(trees, tmp_path):
    often = ["checkpoint.save_interval_updates=5", "task.eval_f1_sentences=4"]
    words = [*trees, "--out", tmp_path / "run", "--average", 2, "--beam", 2, *TINY, *often]
    first = recipe("treebank_small.sh", *words)
    assert first.returncode == 0, first.stderr[-2000:]
    assert sum(line.startswith("F1 ") for line in first.stdout.splitlines()) == 2
    model = tmp_path / "run" / "aat"
    assert (model / "test.words").read_text().splitlines()[0] == "the n2 v0 -LRB- n1"
    assert len((model / "test.constrained.trees").read_text().splitlines()) == 12
    assert json.loads((model / "test.constrained.json").read_text())["malformed"] == 0
    recorded = figures(find(tmp_path), "table4")
    for search, more in (("free", ""), ("constrained", ", constrained search")):
        (figure,) = recorded[f"aat, a small treebank{more}", "f1"]
        printed = re.search(r"^F1 +([0-9.]+)", (model / f"f1.{search}.txt").read_text(), re.MULTILINE)
        assert f"{figure.value:.2f}" == printed[1]


def test_the_journals_sections_go_to_rows_of_table_4(tmp_path):
    """Three made-up trees a section; the real treebank is licensed."""
    for section in range(2, 24):
        home = tmp_path / "ptb" / "parsed" / "mrg" / "wsj" / f"{section:02d}"
        home.mkdir(parents=True)
        trees = [f"( (S (NP (DT the) (NN n{n % 7})) (VP (VBZ v{n % 5}) (NP (NN n{section})))))" for n in range(3)]
        (home / f"wsj_{section:02d}01.mrg").write_text("\n".join(trees) + "\n")
    tiny = [word for word in TINY if "max_tokens" not in word]
    often = ["dataset.max_tokens=150", "checkpoint.save_interval_updates=4"]  # not only at the ends of epochs
    words = ["wsj", "--ptb", tmp_path / "ptb", "--any-counts", "--out", tmp_path / "run", "--hardware", "cpu",
             "--average", 2, "--beam", 2, "batch=1k_cpu", "task.eval_f1_sentences=3", *often, *tiny]  # fmt: skip
    done = recipe("wsj_parsing.sh", *words)
    assert done.returncode == 0, done.stderr[-2000:]
    recorded = figures(find(tmp_path), "table4")
    assert {row for row, _ in recorded} == {"wsj, other trees", "wsj, other trees, constrained search"}
    commands = recorded["wsj, other trees", "f1"][0].run.provenance["commands"]
    assert commands[0].startswith("scripts/wsj_parsing.sh wsj --ptb")


@pytest.mark.parametrize(("setting", "more", "experiment"), [
    ("wsj", [], "wsj_parsing"), ("semi", ["--silver", "SILVER"], "wsj_parsing_semi"),
])  # fmt: skip
def test_the_journals_own_rows_are_the_papers(setting, more, experiment):
    done = recipe("wsj_parsing.sh", setting, "--ptb", "LDC99T42", *more, "--dry-run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"--config-name {experiment} " in lines[1]
    records = [line for line in lines if line.startswith("aat report record table4")]
    assert f"--row {setting} --column f1" in records[0]
    assert rf"--row {setting}\,\ constrained\ search" in records[1]
    assert all("--beam 21" in line for line in lines if line.startswith("aat parse"))


@pytest.mark.parametrize(("words", "expected"), [
    (["--ptb", "x"], "say wsj or semi first"), (["wsj"], "--ptb FOLDER is needed"),
    (["semi", "--ptb", "x"], "semi needs --silver"),
])  # fmt: skip
def test_a_mistake_ends_the_journals_recipe(words, expected):
    done = recipe("wsj_parsing.sh", *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_dry_run_says_every_command_and_runs_none(trees, tmp_path):
    done = recipe("treebank_small.sh", *trees, "--out", tmp_path / "run", "--dry-run", "model.dropout=0.3")
    assert done.returncode == 0, done.stderr
    commands = [" ".join(line.split()[:2]) for line in done.stdout.splitlines()]
    assert commands == ["aat prepare", "fairseq-hydra-train --config-dir", "aat average", "sed -E",
                        *["aat parse", "aat score", "aat score", "aat report"] * 2]  # fmt: skip
    assert "model.dropout=0.3" in done.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("words", "expected"), [
    (["--train", "a"], "--valid FILE is needed"),
    (["--beem", "4"], "no option --beem"),
    (["--train", "/nowhere", "--valid", "/nowhere", "--test", "/nowhere", "--out", "OUT"], "/nowhere"),
])  # fmt: skip
def test_a_mistake_ends_the_treebanks_recipe(tmp_path, words, expected):
    done = recipe("treebank_small.sh", *[str(tmp_path) if word == "OUT" else word for word in words])
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("words", "expected"), [
    (["--sytem", "aat"], "no option --sytem"),
    (["--raw"], "--raw needs a value"),
    (["--raw", "/nowhere", "--out", "OUT"], "/nowhere/train.en"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_ends_the_recipe(tmp_path, words, expected):
    done = recipe("multi30k_en_de.sh", *[str(tmp_path) if word == "OUT" else word for word in words])
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("name", "head"), [
    ("multi30k_en_de.sh", "Multi30k English–German from nothing to a score"),
    ("treebank_small.sh", "A parser from a small treebank on a processor"),
    ("wsj_parsing.sh", "A parser of the Wall Street Journal, to the figures of Table 4"),
])  # fmt: skip
def test_help_is_the_recipes_own_head(name, head):
    done = recipe(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(head)
    assert "set -euo" not in done.stdout
