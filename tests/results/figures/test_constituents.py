"""Shares inside constituents, against a restatement word by word, on trees by hand."""

from __future__ import annotations

import pytest
import torch

from aat_plugin.errors import DataError
from aat_plugin.parsing.trees import read_trees
from aat_plugin.results import charts
from aat_plugin.results.figures import constituents

LINE = "(TOP (S (NP (DT the) (JJ old) (NN dog)) (VP (VBZ sees) (NP (PRP it))) (. .)))"
SPANS = [(0, 3), (0, 3), (0, 3), (3, 5), (3, 5), None]


def tree():
    return next(read_trees([LINE]))


def test_the_smallest_bracket_of_two_words_counts_and_the_whole_sentence_does_not():
    assert constituents.smallest(tree()) == SPANS


def restated(weights: torch.Tensor, owners: list[int]) -> tuple[float, float, float]:
    """Inside, in random spans, evenly: means over words, one head (src_len, src_len), plain Python."""
    def mass(word: int, start: int, end: int) -> float:
        rows = [row for row, owner in enumerate(owners) if owner == word]
        return sum(float(weights[row, key]) for row in rows for key, owner in enumerate(owners)
                   if start <= owner < end) / len(rows)  # fmt: skip

    inside, placed, even = [], [], []
    for word, span in enumerate(SPANS):
        if span is None:
            continue
        width = span[1] - span[0]
        inside.append(mass(word, *span))
        spans = [(start, start + width) for start in range(6 - width + 1) if start <= word < start + width]
        placed.append(sum(mass(word, *one) for one in spans) / len(spans))
        even.append(sum(span[0] <= owner < span[1] for owner in owners) / len(owners))
    return tuple(sum(one) / len(one) for one in (inside, placed, even))  # type: ignore[return-value]


def test_shares_are_means_over_words_whatever_their_subwords():
    owners = [0, 1, 1, 2, 3, 4, 4, 5, -1]  # two words in two pieces each, the end symbol last
    weights = torch.randn(2, 3, 9, 9, dtype=torch.float64).softmax(-1)
    found = constituents.shares([tree(), tree()], lambda words: (weights, owners), longest=9)
    assert (found.words, found.sentences) == (10, 2)
    for layer in range(2):
        for head in range(3):
            inside, placed, even = restated(weights[layer, head], owners)
            assert found.inside[layer, head] == pytest.approx(inside)
            assert found.random_span[layer, head] == pytest.approx(placed)
            assert found.even == pytest.approx(even)
    assert "over 10 words" in charts.inline(constituents.picture(found))


def test_a_head_that_follows_the_tree_beats_its_random_span_and_a_local_one_does_not():
    follows, local = torch.zeros(6, 6), torch.zeros(6, 6)
    for word, span in enumerate(SPANS):
        start, end = span or (0, 6)
        follows[word, start:end] = 1 / (end - start)
        near = [one for one in (word - 1, word, word + 1) if 0 <= one < 6]
        local[word, near] = 1 / len(near)
    weights = torch.stack([follows, local])[None].double()
    padded = torch.nn.functional.pad(weights, (0, 1, 0, 1))
    found = constituents.shares([tree()], lambda words: (padded, [0, 1, 2, 3, 4, 5, -1]), longest=99)
    assert found.inside[0, 0] == pytest.approx(1.0)
    assert found.inside[0, 0] - found.random_span[0, 0] > 0.15
    assert abs(found.inside[0, 1] - found.random_span[0, 1]) < 0.1
    assert found.best() == (1, 1)


def test_trees_that_tell_nothing_are_an_error():
    flat = next(read_trees(["(TOP (S (DT the) (NN dog)))"]))
    with pytest.raises(DataError, match="treebank"):
        constituents.shares([flat], lambda words: (torch.ones(1, 1, 3, 3), [0, 1, -1]), longest=9)
