"""scripts/draw_training.py: curves out of logs, on three axes."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import aat_plugin

SCRIPT = Path(aat_plugin.__file__).resolve().parent.parent / "scripts" / "draw_training.py"
LINES = [
    line
    for update, f1 in ((100, 20.0), (200, 30.5))
    for line in (f"[train_inner][INFO] - epoch 001: {update} / 632 wpb=1000, wall={update}, num_updates={update}",
                 f"[valid][INFO] - epoch 001 | valid on 'valid' subset | loss 1 | f1 {f1} | num_updates {update}")
]  # fmt: skip


@pytest.fixture
def main():
    return runpy.run_path(str(SCRIPT))["main"]


@pytest.fixture
def log(tmp_path) -> Path:
    path = tmp_path / "log"
    path.write_text("\n".join(LINES))
    return path


@pytest.mark.parametrize(("by", "expected"), [
    ("updates", "ours 1 100:20 200:30.5"), ("tokens", "ours 1 0.1:20 0.2:30.5"),
    ("minutes", "ours 1 1.66667:20 3.33333:30.5"),
])  # fmt: skip
def test_runs_of_one_name_are_drawn_beside_each_other(main, log, tmp_path, capsys, by, expected):
    assert main(["f1", "--by", by, "-o", str(tmp_path / "f1.svg"), f"ours={log}", f"ours={log}"]) == 0
    assert capsys.readouterr().out.splitlines() == [expected, expected.replace("ours 1", "ours 2")]
    drawn = (tmp_path / "f1.svg").read_text()
    assert drawn.startswith("<svg")
    assert "ours 1, ours 2" in drawn


@pytest.mark.parametrize(("value", "logs", "message"), [
    ("f1", ["no-equals"], "no-equals is no NAME=LOG"), ("f1", ["a=/nowhere/log"], "/nowhere/log: No such file"),
    ("bleu", ["a=LOG"], "no log has a validation with bleu"),
])  # fmt: skip
def test_a_mistake_is_said_and_nothing_is_drawn(main, log, tmp_path, capsys, value, logs, message):
    out = tmp_path / "f1.svg"
    with pytest.raises(SystemExit) as stopped:
        main([value, "-o", str(out), *[one.replace("LOG", str(log)) for one in logs]])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not out.exists()
