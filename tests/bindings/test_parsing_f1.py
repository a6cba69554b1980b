"""F1 while training: counts of brackets by an own restatement, summed over batches before they are divided."""

from __future__ import annotations

from collections import Counter

import pytest
from fairseq.logging import metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_makers import topped

from aat_plugin.bindings.parsing_f1 import COUNTS, count, log
from aat_plugin.errors import DataError
from aat_plugin.parsing.linearise import for_trees
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.trees import Tree, to_line

GOLD = "(TOP (S (NP (DT the) (NN dog)) (VP (VBZ sees) (NP (DT a) (NN cat))) (. .)))"
TAGS = for_trees("tags", [])


def brackets(tree: Tree) -> Counter[tuple[str, int, int]]:
    """Label and span, words without punctuation counted, of every bracket but the wrapper: COLLINS' rules."""
    found: Counter[tuple[str, int, int]] = Counter()
    kept = 0

    def walk(node: Tree) -> None:
        nonlocal kept
        start = kept
        if node.word is not None:
            kept += node.label not in (",", ".", ":", "``", "''")
            return
        for child in node.children:
            walk(child)
        if node.label != "TOP" and kept > start:
            found[node.label, start, kept] += 1

    walk(tree)
    return found


def test_a_sentence_said_right_half_right_and_not_as_a_tree():
    right = ["(S", "(NP", "DT", "NN", ")NP", "(VP", "VBZ", "(NP", "DT", "NN", ")NP", ")VP", ".", ")S"]
    assert count(TAGS, [(right, GOLD)]) == dict(zip(COUNTS, (4, 4, 4, 1, 0), strict=True))
    half = ["(S", "(NP", "DT", "NN", ")NP", "(VP", "VBZ", "DT", "NN", ")VP", ".", ")S"]
    assert count(TAGS, [(half, GOLD)]) == dict(zip(COUNTS, (3, 4, 3, 1, 0), strict=True))
    cut = ["(S", "(NP", "DT", "NN", ")NP", "(VP", "VBZ"]
    assert count(TAGS, [(cut, GOLD), (right, GOLD)])["_f1_malformed"] == 1
    assert count(TAGS, []) == dict.fromkeys(COUNTS, 0)


@settings(max_examples=60)
@given(st.lists(topped, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_counts_are_those_of_brackets_counted_anew_for_any_output(trees, draw):
    """Outputs are the gold symbols with some left out or doubled; gold tags are put into the prediction."""
    linearisation = for_trees("tags", trees)
    said = [([one for one in linearisation.symbols(tree) for _ in range(draw.choice((0, 1, 1, 1, 1, 2)))], tree)
            for tree in trees]
    found = count(linearisation, [(symbols, to_line(tree)) for symbols, tree in said])
    gold = test = matched = malformed = 0
    for symbols, tree in said:
        made = rebuild(linearisation, symbols, tree.words())
        malformed += bool(made.repairs)
        leaves = [node for node in made.tree.preorder() if node.word is not None]
        for leaf, tag in zip(leaves, tree.tags(), strict=True):
            leaf.label = tag
        ours, theirs = brackets(tree), brackets(made.tree)
        gold, test, matched = gold + ours.total(), test + theirs.total(), matched + (ours & theirs).total()
    assert found == dict(zip(COUNTS, (matched, gold, test, len(trees), malformed), strict=True))


def test_f1_is_that_of_all_sentences_and_no_mean_of_batches_or_workers():
    first = dict(zip(COUNTS, (1, 1, 1, 1, 0), strict=True))
    second = dict(zip(COUNTS, (10, 100, 50, 3, 3), strict=True))
    with metrics.aggregate() as found:
        log([first, {}])  # a worker that decoded nothing
        log([second])
    values = found.get_smoothed_values()
    assert values["f1"] == pytest.approx(round(200 * 11 / 152, 2))  # a mean of batches would be 56.7
    assert values["malformed"] == 75.0


def test_nothing_is_logged_where_nothing_was_decoded_and_no_bracket_at_all_is_no_division():
    with metrics.aggregate() as found:
        log([{}, dict.fromkeys(COUNTS, 0)])
    assert "f1" not in found.get_smoothed_values()
    with metrics.aggregate() as found:
        log([{**dict.fromkeys(COUNTS, 0), "_f1_sentences": 1}])
    assert found.get_smoothed_values()["f1"] == 0.0


def test_a_gold_line_that_is_no_tree_is_named():
    with pytest.raises(DataError):
        count(TAGS, [(["NN"], "(S (NN dog)")])
