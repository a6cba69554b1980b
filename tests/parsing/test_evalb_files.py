"""Files of gold trees and predictions: layouts, blank lines, n-best, and every mistake in one line."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aat_plugin.errors import DataError
from aat_plugin.parsing.evalb_files import read_gold, read_predictions, score
from aat_plugin.parsing.evalb_totals import add_up

GOLD = "(TOP (S (NP (NN a)) (VP (VB b))))\n(TOP (S (NP (NN c)) (VP (VB d))))\n"


@pytest.fixture
def write(tmp_path):
    def put(name: str, text: str):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put


def test_gold_trees_may_be_pretty_printed_or_packed(write, tmp_path):
    pretty = write("p", "( (S\n   (NP (NN a))\n   (VP (VB b))))\n\n( (S (NP (NN c))\n (VP (VB d))))\n")
    packed = tmp_path / "g.gz"
    packed.write_bytes(gzip.compress(GOLD.encode()))
    for path in (pretty, packed):
        assert [one.words for one in read_gold(path)] == [["a", "b"], ["c", "d"]]


def test_a_blank_line_is_a_missing_parse_and_blank_on_both_sides_is_nothing(write):
    gold = read_gold(write("g", GOLD + "\n\n"))
    predictions = read_predictions(write("p", GOLD.split("\n")[0] + "\n\n\n(TOP (S (NN x)))\n"), 4)
    first, best = score(gold, predictions, as_evalb=False)
    assert [(one.number, one.status.name, one.matched, one.gold, one.test) for one in first] == [
        (1, "VALID", 3, 3, 3), (2, "MISSING", 0, 3, 0), (4, "MISMATCHED", 0, 0, 1)]
    assert first == best
    assert len(score(gold, predictions, as_evalb=True)[0]) == 4


def test_the_oracle_takes_each_sentences_best_hypothesis(write):
    gold = read_gold(write("g", GOLD))
    nbest = ("0 ||| (TOP (X (NN a) (VB b))) ||| -0.5\n0 ||| (TOP (S (NP (NN a)) (VP (VB b)))) ||| -0.7\n"
             "1 ||| (TOP (S (NP (NN c)) (VB d))) ||| -1\n1 |||  ||| -2\n")
    predictions = read_predictions(write("p", nbest), 2)
    assert [len(one) for one in predictions] == [2, 2]
    first, best = score(gold, predictions, as_evalb=False)
    assert [one.matched for one in first] == [0, 2]
    assert [one.matched for one in best] == [3, 2]
    assert add_up(best, as_evalb=False).f1 == pytest.approx(200 * 5 / (6 + 5))
    only_second = read_predictions(write("q", "1 ||| (TOP (NN c) (NN d)) ||| -1\n"), 2)
    assert score(gold, only_second, as_evalb=False)[0][0].status.name == "MISSING"


@pytest.mark.parametrize(("text", "what"), [
    (GOLD + GOLD, "p has 4 lines for 2 gold trees"), ("", "0 lines for 2"),
    ("(TOP (NN a)\n(TOP (NN b))\n", r"p:1:1: a bracket is never closed"),
    ("(TOP (NN a))\nfalse\n", r"p:2:1: the word 'false' stands outside"),
    ("0 ||| (TOP (NN a)) ||| 1\n(TOP (NN a))\n", "p:2: not of the n-best form"),
    ("7 ||| (TOP (NN a)) ||| 1\n", "p:1: sentence 7, and the 2 gold trees"),
    ("0 ||| (TOP (NN a) ||| 1\n", r"p:1:7: a bracket is never closed"),
])
def test_predictions_that_do_not_fit_are_named(write, text, what):
    with pytest.raises(DataError, match=what):
        read_predictions(write("p", text), 2)


def test_an_empty_gold_file_is_refused(write):
    with pytest.raises(DataError, match="no tree in it"):
        read_gold(write("g", "\n\n"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gold=st.binary(max_size=40), test=st.text(alphabet="(TOP (NN a)) |0\n", max_size=60))
def test_whatever_the_files_hold_there_is_a_score_or_one_line(tmp_path, gold, test):
    (tmp_path / "g").write_bytes(b"(S (NN a))\n" + gold)
    (tmp_path / "p").write_text(test)
    try:
        trees = read_gold(tmp_path / "g")
        predictions = read_predictions(tmp_path / "p", len(trees))
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        for as_evalb in (True, False):
            total = add_up(score(trees, predictions, as_evalb=as_evalb)[0], as_evalb=as_evalb)
            assert 0 <= total.f1 <= 100
