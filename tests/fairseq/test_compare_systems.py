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
    at_updates = [(row["system"], row["search"]) for row in rows if row["at"] == "updates"]
    assert at_updates == [("fairseq", "ours"), ("fairseq", "stock"), ("bytenet", "ours")]
    # Where an epoch ends, fairseq writes no checkpoint by update.
    assert all(row["updates"] in (5, 6) for row in rows if row["at"] == "updates")
    assert all(row["minutes"] <= 0.1 for row in rows if row["at"] == "minutes")
    again = compared(*words)
    assert "done already" in again.stdout
    assert "$ " not in again.stdout, "nothing ran again"


@pytest.mark.parametrize(("words", "said"), [
    (["demo", "--systems", "aat,cnn"], "no system cnn"),
    (["demo", "--updates", 70], "a multiple of 50"),
    (["multi30k"], "--raw DIR is needed"),
])  # fmt: skip
def test_a_mistake_is_named(tmp_path, words, said):
    done = compared(*words, "--out", tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
