"""Table 3 at a scale: which rows must show their sign, sizes by one factor, intervals and verdicts by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.results import table3_runs as runs
from aat_plugin.results.small_runs import Scored
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
