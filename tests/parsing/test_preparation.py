"""Trees to lines and a record, and both back to trees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_makers import deep, topped

from aat_plugin.errors import DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.linearise import SCHEMES
from aat_plugin.parsing.preparation import Cleaned, Survey, make_record, read_record
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.trees import Tree, read_line, read_trees


def surveyed(trees: list[Tree]) -> Survey:
    survey = Survey()
    for tree in trees:
        survey.add(tree)
    return survey


@given(st.lists(topped, min_size=1, max_size=6), st.sampled_from(SCHEMES))
def test_lines_and_record_give_the_trees_back(trees, scheme):
    record = make_record(scheme, surveyed(trees))
    again = read_record(record.to_json(), "treebank.json")
    assert again == record
    for tree in trees:
        source, target, num_words = record.example(tree)
        words = tree.words()
        assert len(words) == num_words == len(source.split())  # as fairseq splits
        assert rebuild(again.linearisation, target.split(" "), words, tree.tags()) == (tree, {})


def test_cleaned_trees_are_counted_and_those_of_traces_alone_are_dropped():
    cleaned = Cleaned(read_trees(["( (S (NP-SBJ (NN a))))", "( (S (-NONE- *)))", "(ROOT (X (NN b)))"]))
    assert list(cleaned) == ["(TOP (S (NP (NN a))))", "(TOP (X (NN b)))"]
    assert (cleaned.lines, cleaned.dropped) == (2, 1)


def test_the_survey_counts_what_a_parser_must_know():
    survey = surveyed([clean(read_line(text)) for text in (
        "(S (NP (NN a)) (VP (VB b)))", "(ROOT (NN a))", "( (S (X (NN c))) (. .))")])
    assert (survey.trees, survey.brackets, survey.longest, survey.forests) == (3, 5, 8, 1)
    assert survey.labels == {"S": 2, "NP": 1, "VP": 1, "X": 1}
    assert survey.tags == {"NN": 3, "VB": 1, ".": 1}
    assert survey.max_openers == 2
    assert surveyed([Tree("TOP", [deep(5000)])]).max_openers == 5000


@given(st.lists(topped, min_size=1, max_size=6), st.integers(0, 6))
def test_surveys_of_parts_are_the_survey_of_the_whole(trees, place):
    first, second = surveyed(trees[:place]), surveyed(trees[place:])
    first.include(second)
    assert first == surveyed(trees)


def test_unknown_words_become_classes_where_that_is_wanted_and_n_stays():
    trees = [clean(read_line("(S (NN dog) (NN dog) (VB Running))"))]
    record = make_record("vinyals", surveyed(trees), classes=True)
    assert record.known == {"dog"}
    assert record.example(trees[0]).source == "dog dog UNK-INITC-ing"
    assert make_record("vinyals", surveyed(trees)).example(trees[0]).source == "dog dog Running"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "linearisation": 3}', "null", '"a"'])
def test_what_is_no_record_is_refused_in_one_line(text):
    with pytest.raises(DataError, match=r"x\.json is not what aat prepare trees writes"):
        read_record(text, "x.json")


def test_nothing_to_train_on_is_said():
    with pytest.raises(DataError, match="no tree to train on"):
        make_record("vinyals", Survey())
