"""Parameter files as EVALB reads them; what it would pass over with a remark is refused with file and line."""

from __future__ import annotations

import dataclasses

import pytest
from tree_makers import data

from aat_plugin.errors import DataError
from aat_plugin.parsing.prm import COLLINS, Parameters, read_prm


def written(tmp_path, text: str) -> Parameters:
    path = tmp_path / "x.prm"
    path.write_text(text)
    return read_prm(path)


def test_the_built_in_parameters_are_those_of_the_file():
    path = data("evalb/COLLINS.prm")
    assert read_prm(path) == dataclasses.replace(COLLINS, source=str(path))


def test_every_parameter_is_read(tmp_path):
    made = written(tmp_path, "## a comment\nDEBUG 1\nMAX_ERROR 7\nCUTOFF_LEN 70\nLABELED 0  \nDELETE_LABEL TOP\n"
                             "DELETE_LABEL ``\nDELETE_LABEL_FOR_LENGTH -NONE-\nEQ_LABEL A B\nEQ_WORD x y\n\n# \n"
                             "QUOTE_LABEL POS\n")
    assert made == Parameters(frozenset({"TOP", "``"}), frozenset({"-NONE-"}), frozenset({("A", "B")}),
                              frozenset({("x", "y")}), frozenset({"POS"}), 70, 7, False, made.source)


def test_equal_pairs_work_in_both_orders_and_are_not_chained(tmp_path):
    made = written(tmp_path, "EQ_LABEL A B\nEQ_LABEL B C\nEQ_WORD x y\n")
    assert made.same_label("A", "B")
    assert made.same_label("B", "A")
    assert made.same_label("C", "C")
    assert not made.same_label("A", "C")
    assert made.same_word("y", "x")
    assert not made.same_word("X", "x")


def test_labels_are_cut_at_the_first_hyphen_or_equals_sign_and_deleted_with_their_equals(tmp_path):
    made = written(tmp_path, "DELETE_LABEL TOP\nEQ_LABEL TOP ROOT\n")
    assert [made.counted(label) for label in ("NP-SBJ=2", "NP=2-X", "NP|X", "-LRB-", "TOP-1", "ROOT", "")] == [
        "NP", "NP", "NP|X", "", None, None, ""]


@pytest.mark.parametrize(("line", "what"), [
    ("DELETE_LABLE TOP", "did you mean 'DELETE_LABEL'"), ("MAX_ERROR many", "whole number, not 'many'"),
    ("EQ_LABEL A", "two values and has 1"), ("DELETE_LABEL A # a", "one value and has 3"),
])
def test_a_line_that_says_nothing_is_named(tmp_path, line, what):
    with pytest.raises(DataError, match=r"x\.prm:2: .*" + what):
        written(tmp_path, f"DEBUG 0\n{line}\n")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_prm(tmp_path / "none.prm")
