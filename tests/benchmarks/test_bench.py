"""The yardstick: ratios within rounds, no claim without a gain in each, runs that are kept, medians for scripts."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from comparisons import OFF, OFF_IN_HALF, TRAINING, Comparison, Inputs, shares, training  # noqa: E402
from decoding import Model, alike, comparison, tasks, trials  # noqa: E402
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
    compared = [*training(inputs), *shares(inputs)]
    assert {"train_speed", "train_speed_tiny", "train_memory", "shares_base"} <= {one.name for one in compared}
    for one in compared:
        assert one.baseline in one.sides
        batches = {words[words.index("--batches") + 1] if "--batches" in words else None
                   for words in one.sides.values()}  # fmt: skip
        assert len(batches) == 1
    assert len(shares(inputs)[0].sides) == len(OFF) + len(OFF_IN_HALF) + 3
    assert len(shares(replace(inputs, precisions=()))[0].sides) == len(OFF) + 2
    assert not any("JoeyNMT" in one.sides for one in compared)
    other = training(replace(inputs, joeynmt="/other/python"))[0].sides["JoeyNMT"]
    assert (other[0], Path(other[1]).name) == ("/other/python", "joeynmt_side.py")
    assert other[2:] == compared[0].sides["torch"][2:], "the same batches as the plain loop's"
    assert set(TRAINING) == {"wall", "processor"}
    medians = {key: side for one in training(inputs) for key, side in one.medians.items()}
    assert (medians["train_speed"], medians["train_speed_fp32"]) == ("aat bf16", "aat")
    assert (medians["train_speed_tiny"], medians["train_memory"]) == ("aat bf16", "aat bf16")
    assert set(medians.values()) <= set(training(inputs)[0].sides)


def decoded(tmp_path):
    """A translator with all forms, and a parser that CTranslate2 cannot take."""
    model = Model(tmp_path / "ours.pt", tmp_path / "stock.pt", tmp_path / "ct2", tmp_path / "data", 1000)
    parser = Model(tmp_path / "parser.pt", tmp_path / "stock_parser.pt", None, tmp_path / "trees", 48)
    return tasks(model, parser, None)


def after(words, word):
    """What stands behind a word."""
    return words[words.index(word) + 1]


def test_every_decoding_side_gets_the_same_sentences_and_a_batch_size_of_its_own(tmp_path):
    assert tasks(None, None, None) == []
    wide, alone, parser = decoded(tmp_path)
    assert {"stock", "aat", "aat bf16", "aat int8", "CTranslate2 int8", "aat translate --engine ctranslate2"} <= set(
        wide.sides()
    )
    assert not any(side.startswith("CTranslate2") for side in parser.sides())
    tried = dict(trials(wide))
    assert set(wide.sides()) - set(tried) == {"aat translate --engine ctranslate2"}  # it makes batches by itself
    assert dict(trials(alone)) == {}
    best = {side: number for number, side in enumerate(tried, start=8)}
    made = comparison(wide, best, tmp_path)
    for side, words in made.sides.items():
        assert (after(words, "--beam"), after(words, "--sentences")) == ("4", "1000")
        assert side not in best or after(words, "--batch-size") == str(best[side])
    assert {after(words, "--batch-size") for words in comparison(alone, {}, tmp_path).sides.values()} == {"1"}
    parsed = comparison(parser, dict.fromkeys(parser.sides(), 4), tmp_path).sides["aat bf16"]
    assert (after(parsed, "--precision"), after(parsed, "--beam")) == ("bf16", "21")


def test_medians_of_decoding_are_of_the_sides_that_they_are_named_for(tmp_path):
    one = comparison(decoded(tmp_path)[0], dict.fromkeys(decoded(tmp_path)[0].sides(), 8), tmp_path)
    speed = {"stock": 10.0, "aat": 20.0, "aat bf16": 35.0, "aat int8": 30.0}
    rest = {"bleu": 30.0, "tokens_a_sentence": 12.0, "batch_size": 8, "sentences": 1000, "batch_p95": 0.5,
            "peak_bytes": 1e9}  # fmt: skip
    found = {"matrix_rate": {},
             one.name: {0: {side: {"sentences_per_second": rate, **rest} for side, rate in speed.items()}}}
    medians = summary([one], found, "wall")
    assert medians == {"clock": "wall", "decode_beam4_fp32": 2.0, "decode_beam4_fast": 3.5, "decode_beam4_int8": 3.0}
    one.heard["stock"].write_text("0\tein Hund\n1\tzwei\n", encoding="utf-8")
    one.heard["aat"].write_text("1\tzwei\n0\tein Hunde\n", encoding="utf-8")
    text = "\n".join(lines([one], found, "wall", "python bench.py"))
    assert "2.00 times better (2.00 to 2.00) | 1,000 | 30.00 | 50.0% | 12.0 | 8 | 0.5000 | 1 |" in text


def test_what_was_said_alike_is_counted_over_the_sentences_that_both_decoded(tmp_path):
    heard = {side: tmp_path / side for side in ("stock", "aat")}
    assert alike(heard, "aat", "stock") is None
    heard["stock"].write_text("0\ta b\n1\tc\n2\td\n", encoding="utf-8")
    heard["aat"].write_text("2\td\n1\tx\n7\te\n", encoding="utf-8")
    assert alike(heard, "aat", "stock") == 0.5


def test_sentences_are_taken_evenly_over_the_lengths():
    from measuring import spread_out

    assert spread_out(list(range(10)), 100) == list(range(10))
    assert spread_out(list(range(10)), 1) == [5]
    assert spread_out(list(range(100)), 4) == [12, 37, 62, 87]
