"""The recipes in scripts/ run through on a few made-up lines, and go on where they were."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from raw_text import write_raw

import aat_plugin

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

ROOT = Path(aat_plugin.__file__).resolve().parent.parent
TINY = ["model.num_layers=1", "model.d_model=16", "model.d_ff=32", "model.num_heads=2", "optimization.max_update=12",
        "dataset.max_tokens=600", "dataset.num_workers=0"]  # fmt: skip


def recipe(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    line = [str(ROOT / "scripts" / name), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=300)


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
    assert sum(line.startswith("BLEU = ") for line in first.stdout.splitlines()) == 2
    assert (tmp_path / "run" / "aat" / "averaged.pt").is_file()
    assert len(list((tmp_path / "run" / "aat").glob("checkpoint[0-9]*.pt"))) >= 2
    again = recipe("multi30k_en_de.sh", *words)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "binarise train.en: up to date" in again.stdout


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


def test_help_is_the_recipes_own_head():
    done = recipe("multi30k_en_de.sh", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Multi30k English–German from nothing to a score")
    assert "set -euo" not in done.stdout
