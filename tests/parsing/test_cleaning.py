"""Cleaning: one wrapper whatever the treebank has, no traces, no function tags, and no word lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from tree_makers import deep, topped

from aat_plugin.parsing.cleaning import clean, strip_function
from aat_plugin.parsing.trees import Tree, read_line, to_line


def cleaned(text: str, **options) -> str | None:
    tree = clean(read_line(text), **options)
    return None if tree is None else to_line(tree)


@pytest.mark.parametrize("text", ["(S (NN a))", "( (S (NN a)))", "(ROOT (S (NN a)))", "(TOP (S (NN a)))",
                                  "(S1 (S (NN a)))", "( (ROOT (S (NN a))))"])
def test_every_wrapper_becomes_one(text):
    assert cleaned(text) == "(TOP (S (NN a)))"
    assert cleaned(text, top="ROOT") == "(ROOT (S (NN a)))"


def test_forests_and_lone_words_keep_their_shape():
    assert cleaned("( (S (NN a)) (. .))") == "(TOP (S (NN a)) (. .))"
    assert cleaned("(ROOT (NN a))") == "(TOP (NN a))"
    assert cleaned("(NN a)") == "(TOP (NN a))"
    assert cleaned("(A (X a)) (B (Y b))") == "(TOP (A (X a)) (B (Y b)))"


def test_traces_go_with_the_brackets_that_hold_nothing_else():
    text = "( (S (NP-SBJ-1 (-NONE- *)) (VP (VB go) (SBAR (-NONE- 0) (S (NP (-NONE- *T*)))))))"
    assert cleaned(text) == "(TOP (S (VP (VB go))))"
    assert cleaned(text, traces=False, functions=False) == text.replace("( (", "(TOP (", 1)
    assert cleaned("( (S (-NONE- *)))") is None


def test_function_tags_go_from_brackets_and_never_from_tags():
    assert cleaned("(S (NP-SBJ=2 (NN-X a)) (-LRB- (-LRB- -LRB-)))") == "(TOP (S (NP (NN-X a)) (-LRB- (-LRB- -LRB-))))"
    assert [strip_function(label) for label in ("NP", "NP-SBJ-1", "VP=2", "PRT|ADVP", "-LRB-", "=", "")] == [
        "NP", "NP", "VP", "PRT|ADVP", "-LRB-", "=", ""]


def test_an_inner_bracket_without_a_label_is_taken_out():
    assert cleaned("(S ( (NP (NN a)) (NN b)) (NN c))") == "(TOP (S (NP (NN a)) (NN b) (NN c)))"


@given(topped)
def test_what_is_clean_stays_as_it_is_and_no_word_is_lost(tree):
    again = clean(tree, functions=False)
    assert again == tree
    assert clean(Tree("", [tree])) == clean(tree)
    assert clean(tree).words() == tree.words()


def test_depth_does_not_matter():
    assert clean(deep(5000)) == Tree("TOP", [deep(5000)])
