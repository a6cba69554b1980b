"""scripts/compare_systems.py on a few made-up lines: equal updates, equal time, and nothing done twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from raw_text import write_raw

from aat_plugin.demo import corpus
from aat_plugin.demo.run import SEED

pytestmark = [pytest.mark.fairseq, pytest.mark.slow, pytest.mark.timeout(3600)]  # minutes on a busy machine

PROGRAM = Path(__file__).resolve().parents[2] / "scripts/compare_systems.py"


def compared(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *map(str, [PROGRAM, *words])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=3000)


def test_systems_are_compared_after_equal_updates_and_equal_time_and_nothing_twice(tmp_path):
    raw, generator = tmp_path / "raw", random.Random(5)
    raw.mkdir()
    for split, lines in (("train", 120), ("val", 10), ("test2016", 15)):
        write_raw(raw, split, lines, generator)
    words = ["multi30k", "--raw", raw, "--out", tmp_path, "--systems", "fairseq,bytenet", "--updates", 6, "--interval",
             1, "--minutes", 0.1, "dataset.max_tokens=600", "dataset.num_workers=0"]  # fmt: skip
    first = compared(*words)
    assert first.returncode == 0, first.stdout[-2000:] + first.stderr[-2000:]
    rows = json.loads((tmp_path / "multi30k/results.json").read_text())["rows"]
    assert rows.pop()["system"] == "copy of the source"
    at_updates = [(row["system"], row["search"]) for row in rows if row["at"] == "6 updates"]
    assert at_updates == [("fairseq", "ours"), ("fairseq", "stock"), ("bytenet", "ours")]
    # Where an epoch ends, fairseq writes no checkpoint by update.
    assert all(row["updates"] in (5, 6) for row in rows if row["at"] == "6 updates")
    assert all(row["minutes"] <= 0.1 for row in rows if row["at"] == "0.1 minutes")
    assert all(row["processor_minutes"] > 0 and 0.2 < row["peak_gb"] < 4 for row in rows)
    again = compared(*words)
    assert "done already" in again.stdout
    assert "$ " not in again.stdout, "nothing ran again"
    folders = [tmp_path / "multi30k" / name / "updates" for name in ("fairseq", "bytenet")]
    named = [f"{folder.parent.name}={folder}" for folder in folders]  # folders of one name would be seeds of one system
    compare = [Path(sys.executable).with_name("aat"), "compare", *named, "--lowercase", "--samples", 20, "--json"]
    done = subprocess.run(list(map(str, compare)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    systems = json.loads(done.stdout)["systems"]
    for system, folder in zip(systems, folders, strict=True):
        row = next(row for row in rows if row["system"] == folder.parent.name and row["at"] == "6 updates")
        assert system["mean"] == pytest.approx(row["bleu"], abs=0.006)
        assert system["curve"][-1][0] == row["updates"]
        assert system["peak_gb"] == pytest.approx(row["peak_gb"], abs=0.01)


def small_corpus(out: Path) -> None:
    """A few of the grammar's trees as the script's first step leaves them: an untrained parser is slow."""
    corpus.write_corpus(out / "text", SEED, {"train": 300, "valid": 20, "test": 8})
    (out / "data-logs").mkdir()
    (out / "data-logs/corpus.done").write_text(f"0.0\nthe grammar's corpus, seed {SEED}")


def test_parsers_are_compared_after_equal_processor_time(tmp_path):
    small_corpus(tmp_path / "parsing")
    words = ["parsing", "--out", tmp_path, "--systems", "aat,conv", "--updates", 4, "--interval", 2, "--minutes", 0.05,
             "--clock", "processor", "dataset.max_tokens=300"]  # fmt: skip
    done = compared(*words)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rows = json.loads((tmp_path / "parsing/results.json").read_text())["rows"]
    assert [row["system"] for row in rows[-2:]] == ["right-branching trees", "flat trees"]
    for system in ("aat", "conv"):
        own = [row for row in rows if row["system"] == system]
        assert {row["search"] for row in own} == {"free", "constrained"}
        assert all(row["processor_minutes"] < 0.1 for row in own if row["at"] == "0.05 minutes")


def log_of(path, *points):
    """A training's log of `points` (update, seconds of the processor)."""
    said = "[2026-11-26 10:00:00,000][train_inner][INFO] - epoch 001: 9 / 438 loss=9.2, nll_loss=9.1, wpb=888.1"
    lines = [f"{said}, num_updates={update}, processor_s={seconds}, wall=5" for update, seconds in points]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_what_a_stopped_process_did_counts_at_the_pace_of_the_one_that_went_on(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    from compare_systems import processor_minutes

    whole = log_of(tmp_path / "a", (50, 30.0), (100, 60.0))
    longer = log_of(tmp_path / "b", (150, 36.0), (200, 66.0))
    assert processor_minutes([whole, longer], 50) == pytest.approx({50: 0.5, 100: 1.0, 150: 1.6, 200: 2.1})
    resumed = log_of(tmp_path / "c", (150, 30.0), (200, 60.0))
    assert processor_minutes([resumed], 50) == pytest.approx({50: 0.5, 100: 1.0, 150: 1.5, 200: 2.0})
    single = log_of(tmp_path / "d", (150, 30.0))
    assert processor_minutes([single], 50) == pytest.approx({50: 0.5, 100: 1.0, 150: 1.5})


@pytest.mark.parametrize(("words", "said"), [
    (["demo", "--systems", "aat,cnn"], "no system cnn"),
    (["demo", "--updates", 70], "a multiple of 50"),
    (["multi30k"], "--raw DIR is needed"),
])  # fmt: skip
def test_a_mistake_is_named(tmp_path, words, said):
    done = compared(*words, "--out", tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
