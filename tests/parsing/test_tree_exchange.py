"""Trees to nltk and back; without nltk a plain word on what to install."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from tree_makers import deep, trees

from aat_plugin.errors import DataError
from aat_plugin.parsing.tree_exchange import from_nltk, to_nltk
from aat_plugin.parsing.trees import Tree


class Node(list):
    """As much of `nltk.Tree` as the exchange uses: a list with a label."""

    def __init__(self, label, parts):
        super().__init__(parts)
        self._label = label

    def label(self):
        return self._label


@pytest.fixture
def nltk(monkeypatch):
    module = type(sys)("nltk")
    module.Tree = Node
    monkeypatch.setitem(sys.modules, "nltk", module)


@pytest.mark.usefixtures("nltk")
def test_trees_go_to_nltk_and_back_however_deep():
    @given(trees)
    def check(tree):
        assert from_nltk(to_nltk(tree)) == tree

    check()
    assert from_nltk(to_nltk(deep(5000))) == deep(5000)
    assert to_nltk(Tree("NP", [Tree.leaf("NN", "a")])) == Node("NP", [Node("NN", ["a"])])


def test_a_word_without_a_tag_is_refused():
    with pytest.raises(DataError, match="'NP' is empty or has a word beside"):
        from_nltk(Node("S", [Node("NP", ["a", Node("NN", ["b"])])]))


def test_the_same_with_the_real_nltk():
    real = pytest.importorskip("nltk")
    tree = real.Tree.fromstring("(S (NP (DT a) (NN dog)) (VP (VBZ barks)))")
    assert to_nltk(from_nltk(tree)) == tree


def test_without_nltk_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(DataError, match="pip install nltk"):
        to_nltk(Tree.leaf("NN", "a"))
