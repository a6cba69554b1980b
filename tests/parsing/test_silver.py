"""Silver trees: only where both parsers agree, and with the gold trees' lengths."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from tree_makers import topped

from aat_plugin.errors import AatError, DataError
from aat_plugin.parsing.baselines import flat, right_branching
from aat_plugin.parsing.silver import Agreement, agreed, draw, length_class, same_tree
from aat_plugin.parsing.trees import Tree, read_line


def sentence(number: int, length: int) -> list[str]:
    return [f"w{number}", *["x"] * (length - 1)]


def parsed(lengths: list[int], agree: list[bool]) -> list[tuple[Tree, Tree]]:
    """Two parsers' trees of sentences of so many words."""
    pairs = []
    for number, (length, same) in enumerate(zip(lengths, agree, strict=True)):
        words = sentence(number, length)
        pairs.append((flat(words), flat(words) if same else right_branching(words)))
    return pairs


@given(topped, topped)
def test_agreement_is_equality_of_trees_but_for_tags(one, other):
    assert same_tree(one, other, tags=True) == (one == other)
    for tree in (copy := read_line(str(one))).leaves():
        tree.label = "ZZ"
    assert same_tree(one, copy)
    assert not same_tree(one, copy, tags=True)


def test_wrappers_traces_and_function_tags_are_no_disagreement_and_missing_parses_are_counted():
    counts = Agreement()
    pairs = [(read_line("( (S (NP-SBJ (NN a)) (VP (VB b) (NP (-NONE- *)))))"),
              read_line("(ROOT (S (NP (NN a)) (VP (VB b))))")),
             (None, read_line("(S (NN a))")), (read_line("(S (NN a))"), None),
             (read_line("(S (NN a))"), read_line("(X (NN a))"))]
    assert [str(tree) for tree in agreed(pairs, counts, tags=True)] == ["(TOP (S (NP (NN a)) (VP (VB b))))"]
    assert (counts.sentences, counts.missing, counts.agreed) == (4, 2, 1)


def test_other_sentences_in_the_second_file_are_noticed():
    with pytest.raises(DataError, match="sentence 1 is 'a' in one file and 'b' in the other"):
        list(agreed([(read_line("(S (NN a))"), read_line("(S (NN b))"))], Agreement(), tags=False))


def test_the_drawn_lengths_are_the_gold_trees_lengths():
    # Parsers agree on short sentences above all; gold ones are longer.
    chance = random.Random(3)
    lengths = [chance.randint(1, 40) for _ in range(2500)]
    pairs = parsed(lengths, [chance.random() < 12 / (length + 10) for length in lengths])
    gold_lengths = [min(40, max(1, round(chance.gauss(24, 8)))) for _ in range(1500)]
    lines, counts = draw(lambda: pairs, (flat(["x"] * length) for length in gold_lengths), size=2000, most=50, seed=1,
                         tags=False)
    drawn = Counter(length_class(len(read_line(line).words())) for line in lines)
    wanted = Counter(map(length_class, gold_lengths))
    assert counts.written == drawn.total() == pytest.approx(2000, rel=0.04)
    for one, count in wanted.items():
        assert drawn[one] / drawn.total() == pytest.approx(count / wanted.total(), abs=0.03)
    assert counts.agreed == sum(same_tree(a, b) for a, b in pairs)
    assert counts.different <= counts.agreed
    again, _ = draw(lambda: pairs, (flat(["x"] * length) for length in gold_lengths), size=2000, most=50, seed=1,
                    tags=False)
    assert Counter(length_class(len(read_line(line).words())) for line in again) == drawn


def test_no_sentence_is_repeated_more_often_than_allowed_and_that_is_said():
    pairs = parsed([3] * 50 + [30], [True] * 51)
    gold = [flat(["x"] * 30)] * 9 + [flat(["x"] * 3)]
    lines, counts = draw(lambda: pairs, gold, size=None, most=4, seed=1, tags=False)
    repeated = Counter(lines)
    assert max(repeated.values()) == 4
    assert counts.capped == [length_class(30)]


def test_nothing_to_draw_from_is_one_line():
    pairs = parsed([3, 3], [False, False])
    with pytest.raises(DataError, match="agree on 0 of 2 sentences"):
        draw(lambda: pairs, [flat(["x"] * 3)], size=None, most=1, seed=1, tags=False)
    with pytest.raises(AatError, match="--max-copies 0"):
        draw(lambda: pairs, [], size=None, most=0, seed=1, tags=False)
