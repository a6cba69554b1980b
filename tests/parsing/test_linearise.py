"""Tree → symbols → tree is the identity, for random trees and for every tree of the real treebank."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_makers import data, deep, topped

from aat_plugin.errors import AatError, DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.linearise import SCHEMES, Kind, Linearisation, for_symbols, for_trees
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import Tree, read_line

EACH = pytest.mark.parametrize("scheme", SCHEMES)
JOHN = "(TOP (S (NP (NNP John)) (VP (VBZ has) (NP (DT a) (NN dog))) (. .)))"


def there_and_back(linearisation: Linearisation, tree: Tree) -> bool:
    rebuilt = rebuild(linearisation, linearisation.symbols(tree), tree.words(), tree.tags())
    return rebuilt.tree == tree and not rebuilt.malformed


def test_the_published_examples():
    # Vinyals et al. 2015, Figure 2 (with the stop that their sentence has), and tensor2tensor's wsj_parsing.
    tree = read_line(JOHN)
    assert " ".join(for_trees("vinyals", [tree]).symbols(tree)) == "(S (NP XX )NP (VP XX (NP XX XX )NP )VP XX )S"
    assert " ".join(for_trees("tags", [tree]).symbols(tree)) == "(S (NP NNP )NP (VP VBZ (NP DT NN )NP )VP . )S"
    assert " ".join(for_trees("t2t", [tree]).symbols(tree)) == "S NP NNP /NP VP VBZ NP DT NN /NP /VP . /S"


def test_there_are_as_many_symbols_as_words_and_twice_the_brackets():
    tree = read_line(JOHN)
    for scheme in SCHEMES:
        assert len(for_trees(scheme, [tree]).symbols(tree)) == 5 + 2 * 4


@EACH
@given(tree=topped)
def test_a_tree_comes_back_from_its_symbols(scheme, tree):
    assert there_and_back(for_trees(scheme, [tree]), tree)


@EACH
@pytest.mark.parametrize("text", ["(ROOT (NN x))", "( (S (NN a)) (. .))", "(NN x)", "(S (S (S (NN x))))",
                                  "(A (X a)) (B (Y b))", "(TOP (TOP (NN x)) (ROOT (NN y)))"])
def test_wrappers_forests_and_lone_words_come_back(scheme, text):
    tree = clean(read_line(text))
    assert there_and_back(for_trees(scheme, [tree]), tree)


@EACH
def test_five_thousand_deep_comes_back(scheme):
    tree = clean(deep(5000))
    assert there_and_back(for_trees(scheme, [tree]), tree)


@settings(max_examples=200)
@given(tree=topped, names=st.lists(st.sampled_from(["NP", "/NP", "#NP", "/", "XX", "NN", "S"]), min_size=8, max_size=8))
def test_t2t_either_tells_labels_from_tags_or_refuses_and_then_tags_works(tree, names):
    for place, node in enumerate(list(tree.preorder())[1:]):
        node.label = names[place % 8]
    try:
        linearisation = for_trees("t2t", [tree])
    except DataError as error:
        assert "linearisation=tags" in str(error)  # noqa: PT017
    else:
        assert there_and_back(linearisation, tree)
    assert there_and_back(for_trees("tags", [tree]), tree)


def test_t2t_marks_tags_only_where_a_label_looks_like_one():
    apart = for_symbols("t2t", ["S", "NP"], ["NN", "DT"])
    assert (apart.marked, apart.leaf("NN")) == (False, "NN")
    same = for_symbols("t2t", ["S", "X"], ["NN", "X"])
    assert (same.marked, same.leaf("X"), same.leaf("NN")) == (True, "#X", "#NN")
    assert same.read("X") == (Kind.OPENER, "X")
    assert same.read("#X") == (Kind.LEAF, "X")
    assert for_symbols("t2t", ["S"], ["/S"]).marked
    with pytest.raises(DataError, match="linearisation=tags"):
        for_symbols("t2t", ["S", "/S"], ["NN"])
    with pytest.raises(AatError, match="vinyals"):
        for_symbols("vinyal", [], [])


@EACH
def test_a_symbol_that_says_nothing_is_told_from_those_that_do(scheme):
    linearisation = for_symbols(scheme, ["S"], ["NN"])
    assert linearisation.read("<unk>")[0] is Kind.OTHER
    assert linearisation.read("")[0] is Kind.OTHER
    assert linearisation.read(linearisation.opener("S")) == (Kind.OPENER, "S")
    assert linearisation.read(linearisation.closer("S")) == (Kind.CLOSER, "S")
    assert linearisation.read(linearisation.leaf("NN"))[0] is Kind.LEAF


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_every_tree_of_the_real_treebank_comes_back(part):
    trees = [clean(tree) for tree in iterate_trees(data(f"gum/{part}.ptb"))]
    for scheme in SCHEMES:
        linearisation = for_trees(scheme, trees)
        assert not linearisation.marked
        assert all(there_and_back(linearisation, tree) for tree in trees)
