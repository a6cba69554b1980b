"""What makes the table red: a deviation, a number that is none, an error, and an equation that nothing compared."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from aat_plugin import cli
from aat_plugin.conformance import comparisons, report
from aat_plugin.conformance.comparisons import EQUATIONS, Comparison, compare, largest, run

ROOT = Path(__file__).resolve().parents[2]


def one(function, tolerance=1e-3) -> Comparison:
    return Comparison("3.3", EQUATIONS[10][1], "something", tolerance, function)


def test_every_listed_equation_is_compared_and_nothing_else_is():
    assert {(found.section, found.equation) for found in comparisons.comparisons()} == set(EQUATIONS)
    assert len(set(EQUATIONS)) == len(EQUATIONS)


@pytest.mark.parametrize(("deviation", "equal"), [(0.0, True), (1e-3, True), (2e-3, False), (math.nan, False)])
def test_a_deviation_is_equal_within_its_tolerance(deviation, equal):
    assert compare(one(lambda: deviation)).equal is equal


def test_an_error_is_a_failing_row_that_names_it():
    def broken():
        raise RuntimeError("no\nsuch thing")

    outcome = compare(one(broken))
    assert (outcome.equal, outcome.deviation, outcome.error) == (False, None, "RuntimeError: no such thing")


def test_an_equation_that_nothing_compares_is_a_failure():
    kept = [found for found in comparisons.comparisons() if found.equation != "MultiHead(Q, K, V)"]
    failing = [outcome for outcome in run(kept) if not outcome.equal]
    assert [(outcome.section, outcome.compared) for outcome in failing] == [("3.2.2", "not compared")]


def test_a_comparison_is_the_same_each_time_and_leaves_torchs_state_alone():
    drawn = one(lambda: torch.rand(()).item())
    before = torch.random.get_rng_state()
    assert compare(drawn).deviation == compare(drawn).deviation
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_largest_deviation_is_over_all_pairs_and_shapes_must_agree():
    assert largest([(1.0, 1.5), (torch.tensor([1.0, 2.0]), [1.0, 4.0])]) == 2.0
    assert math.isnan(largest([(math.nan, 1.0), (1.0, 9.0)]))
    with pytest.raises(ValueError, match="shapes"):
        largest([([1.0, 2.0], [1.0])])
    with pytest.raises(ValueError, match="nothing"):
        largest([])


@pytest.fixture
def few(monkeypatch):
    """`few(comparison, …)`: only these exist, and only their equations are listed."""

    def choose(*chosen):
        monkeypatch.setattr(comparisons, "comparisons", lambda: chosen)
        monkeypatch.setattr(comparisons, "EQUATIONS", tuple((found.section, found.equation) for found in chosen))

    return choose


def test_the_command_prints_json_and_ends_well_where_all_is_equal(few, capsys):
    few(one(lambda: 1e-4))
    assert cli.main(["conformance", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] is True
    assert (found["rows"][0]["section"], found["rows"][0]["deviation"]) == ("3.3", 1e-4)


def test_the_command_fails_and_says_what_differs_in_words(few, capsys):
    few(one(lambda: 1e-4), one(lambda: 0.5))
    assert cli.main(["conformance"]) == 1
    out = capsys.readouterr().out
    assert "deviates by 5.0e-01, and 1e-03 is allowed" in out
    assert "1 of 2 comparisons are equal." in out


def test_the_table_is_written_with_date_and_versions(few, tmp_path):
    few(one(lambda: 1e-4))
    assert cli.main(["conformance", "--out", str(tmp_path / "page.md")]) == 0
    page = (tmp_path / "page.md").read_text()
    assert f"torch {torch.__version__.split('+')[0]}" in page
    assert "| 3.3 | Eq. 2: max(0, x W1 + b1) W2 + b2 | something | 1.0e-04 | 1e-03 | equal |" in page


def test_the_documented_table_has_every_comparison_and_all_equal():
    page = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
    for found in comparisons.comparisons():
        outcome = comparisons.Outcome(found.section, found.equation, found.compared, found.tolerance, None)
        start = " | ".join(cell.replace("|", "\\|") for cell in report.cells(outcome)[:3])
        assert f"| {start} |" in page, f"run aat conformance --out docs/conformance.md: {start}"
    assert "DIFFERS" not in page
