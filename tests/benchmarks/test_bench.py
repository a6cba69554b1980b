"""The yardstick: ratios within rounds, no claim without a gain in each, runs that are kept, medians for scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from comparisons import OFF, TRAINING, Comparison, Inputs, decoding, shares, training  # noqa: E402
from kept import RunFailedError, read, run  # noqa: E402
from ratios import claim, gain, ratios, spread  # noqa: E402
from report import lines, summary  # noqa: E402

WORDS = dict(title="T", figures={"wall": "speed", "processor": "cpu_speed"})


def side(**figures):
    """The command of a side that says these figures."""
    return [sys.executable, "-c", f"print('a word before'); print({json.dumps(json.dumps(figures))})"]


def test_ratios_are_taken_within_a_round_and_a_round_without_both_is_left_out():
    rounds = {1: {"stock": {"speed": 10}, "aat": {"speed": 30}}, 0: {"stock": {"speed": 4}, "aat": {"speed": 8}},
              2: {"aat": {"speed": 9}}}  # fmt: skip
    assert ratios(rounds, "speed", "aat", "stock") == [2.0, 3.0]
    found = spread([2.0, 3.0])
    assert (found.smallest, found.median, found.largest, found.count) == (2.0, 2.5, 3.0, 2)


@pytest.mark.parametrize(("numbers", "more", "said"), [
    ([1.5, 2.0, 3.0], True, "2.00 times better (1.50 to 3.00)"),
    ([1.0, 2.0, 3.0], True, "no claim"),
    ([0.25, 0.5], False, "2.67 times better (2.00 to 4.00)"),
    ([0.5, 1.1], False, "no claim"),
])  # fmt: skip
def test_nothing_is_claimed_where_one_round_gained_nothing(numbers, more, said):
    assert claim(spread(numbers), more) == said


def test_a_costs_ratios_are_turned_over():
    assert gain(spread([0.25, 0.5]), more_is_better=False).smallest == 2.0


def test_a_finished_run_is_read_and_another_command_or_a_cut_file_runs_anew(tmp_path):
    place, counter = tmp_path / "raw" / "0.json", tmp_path / "counter"
    code = f"from pathlib import Path; p = Path({str(counter)!r}); n = len(p.read_text()) + 1 if p.exists() else 1; "
    command = [sys.executable, "-c", code + "p.write_text('x' * n); print('{\"n\": %d}' % n)"]
    assert [run(place, command, 60)["n"] for _ in range(3)] == [1, 1, 1]
    assert run(place, [*command, "more"], 60)["n"] == 2
    place.write_text(place.read_text()[:-20])
    assert read(place) is None
    assert run(place, command, 60)["n"] == 3
    assert run(place, command, 60, commit="another")["n"] == 4
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize(("code", "said"), [
    ("import sys; sys.exit('out of memory')", "exit 1"),
    ("print('not json')", "no JSON: not json"),
    ("pass", "exit 0"),
    ("import time; time.sleep(60)", "no end after"),
])  # fmt: skip
def test_a_run_that_fails_is_named_and_not_kept(tmp_path, code, said):
    with pytest.raises(RunFailedError, match=said):
        run(tmp_path / "0.json", [sys.executable, "-c", code], 0.5 if "sleep" in code else 60)
    assert not (tmp_path / "0.json").exists()


def test_the_summary_holds_medians_and_the_report_every_number():
    one = Comparison("train_speed", sides={"stock": [], "aat": [], "other": []}, **WORDS)
    found = {
        "matrix_rate": {},
        "train_speed": {n: {"stock": {"speed": 10.0, "cpu_speed": 10.0, "peak_bytes": 2e6},
                            "aat": {"speed": 20.0 + n, "cpu_speed": 40.0, "peak_bytes": 1e6}} for n in range(3)},
    }  # fmt: skip
    assert summary([one], found, "wall") == {"clock": "wall", "train_speed": 2.1}
    assert summary([one], found, "processor") == {"clock": "processor", "train_speed": 4.0}
    text = "\n".join(lines([one], found, "wall", "python bench.py"))
    assert "| aat | 21.0 | 2.00 / 2.10 / 2.20 | 2.10 times better (2.00 to 2.20) |" in text
    assert "| other | not run |" in text
    assert "round 3, aat: peak_bytes 1e+06" in text


def test_every_side_of_a_comparison_gets_the_same_batches_and_the_baseline_is_there(tmp_path):
    sizes = ("tiny", "base")
    inputs = Inputs(tmp_path, {s: tmp_path / s for s in sizes}, dict.fromkeys(sizes, 100), dict.fromkeys(sizes, 4096),
                    dict.fromkeys(sizes, 5))  # fmt: skip
    assert decoding(inputs) == []
    compared = [*training(inputs), *shares(inputs)]
    assert {"train_speed", "train_speed_tiny", "train_memory", "shares_base"} <= {one.name for one in compared}
    for one in compared:
        assert one.baseline in one.sides
        batches = {words[words.index("--batches") + 1] if "--batches" in words else None
                   for words in one.sides.values()}  # fmt: skip
        assert len(batches) == 1
    assert len(shares(inputs)[0].sides) == len(OFF) + 2
    assert set(TRAINING) == {"wall", "processor"}
