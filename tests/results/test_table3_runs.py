"""Table 3 at a scale: which rows must show their sign, sizes by one factor, intervals and verdicts by hand."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.results import table3_runs as runs
from aat_plugin.results.small_runs import Corpus, Folders, Scored
from aat_plugin.results.table3 import BY_NAME


def scored(bleu: float, perplexity: float = 5.0) -> Scored:
    return Scored(perplexity, bleu, "s", [(1, 9.0)], 1.0, ["train"])


def test_eight_rows_differ_by_half_a_point():
    assert runs.clear_rows() == ["A1", "B1", "C1", "C2", "C4", "D1", "D3", "big"]


def test_one_factor_scales_the_widths_and_nothing_else():
    found = runs.scaled(BY_NAME["A4"].sizes, Fraction(1, 8))
    assert found == {
        "model.d_model": 64, "model.d_ff": 256, "model.d_k": 2, "model.d_v": 2, "model.num_layers": 6,
        "model.num_heads": 32, "model.dropout": 0.1, "model.learned_positions": "false",
        "criterion.label_smoothing": 0.1,
    }  # fmt: skip
    for factor in (Fraction(1, 8), Fraction(1, 4)):
        assert all(runs.scaled(row.sizes, factor) for row in BY_NAME.values())
    with pytest.raises(ConfigError, match="d_k"):
        runs.scaled(BY_NAME["B1"].sizes, Fraction(1, 32))


def test_big_trains_three_times_as_long():
    assert [runs.updates(BY_NAME[name], 2000) for name in ("base", "D1", "big")] == [2000, 2000, 6000]


def test_intervals_are_students():
    assert runs.interval([3.0]) == {"mean": 3.0, "half": None}
    found = runs.interval([1.0, 2.0, 3.0])  # sd 1, t(2) = 4.303
    assert found["mean"] == 2.0
    assert found["half"] == pytest.approx(4.303 / 3**0.5, abs=1e-3)


def test_a_sign_is_of_the_difference_seed_by_seed_and_chance_is_named():
    base, better = [scored(20.0, 5.0), scored(22.0, 6.0)], [scored(19.0, 4.0), scored(21.0, 5.0)]
    bleu = runs.sign("D3", "bleu", base, better)
    assert bleu["published"] == -0.5
    assert bleu["here"] == {"mean": -1.0, "half": 0.0}
    assert bleu["came_back"]
    assert bleu["beyond_chance"]
    perplexity = runs.sign("D3", "perplexity", base, better)
    assert perplexity["published"] == -0.25
    assert perplexity["came_back"]
    wide = runs.sign("D3", "bleu", base, [scored(24.0), scored(23.0)])
    assert not wide["came_back"]
    assert not wide["beyond_chance"]
    line = runs.verdict("D3", {"bleu": wide, "perplexity": perplexity})
    assert "did not come back, within chance" in line
    assert "PPL -1.00" in line


def test_one_seed_decides_nothing_beyond_chance():
    plan = runs.Plan(["base", "A1"], 1, 100, Fraction(1, 8))
    made = runs.summary(plan, {"base": [scored(20.0)], "A1": [scored(10.0)]})
    assert made["rows"]["A1"]["signs"]["bleu"]["came_back"]
    assert not made["rows"]["A1"]["signs"]["bleu"]["beyond_chance"]
    assert "signs" not in made["rows"]["base"]


def test_rows_are_trained_base_first_and_written_down_one_by_one(tmp_path, monkeypatch):
    asked: list[tuple[str, dict]] = []
    results = tmp_path / "demo_translation-1over8-100" / "results.json"

    def train(folder, experiment, overrides, on, where, say):
        done = json.loads(results.read_text())["table3"]["rows"] if results.is_file() else {}
        asked.append((folder.name, dict(overrides)))
        assert list(done) == [name for name in ("base", "big", "A1") if name in done]
        assert len(done) == (len(asked) - 1) // 2  # two seeds a row
        return scored(20.0 if folder.name.startswith("base") else 19.0)

    monkeypatch.setattr(runs, "train_and_score", train)
    plan = runs.Plan(["big", "A1"], 2, 100, Fraction(1, 8), more={"model.dropout": 0.5})
    reference = tmp_path / "valid.de"
    reference.write_text("x\n")
    corpus = Corpus(tmp_path, reference, ("en", "de"))
    file = runs.run(plan, tmp_path, corpus, Folders(tmp_path, tmp_path), lambda line: None)
    assert file == results
    assert [name for name, _ in asked] == ["base-1", "base-2", "big-1", "big-2", "A1-1", "A1-2"]
    assert [given["optimization.max_update"] for _, given in asked] == [100, 100, 300, 300, 100, 100]
    assert all(given["model.dropout"] == 0.5 for _, given in asked)
    assert [given["common.seed"] for _, given in asked] == [1, 2] * 3
    assert json.loads(file.read_text())["table3"]["rows"]["A1"]["bleu"]["mean"] == 19.0
