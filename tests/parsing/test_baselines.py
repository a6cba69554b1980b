"""The floors are trees over exactly the words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.parsing.baselines import flat, right_branching


def test_their_shapes():
    assert str(flat(["a", "b"], ["X", "Y"])) == "(TOP (S (X a) (Y b)))"
    assert str(right_branching(["a", "b", "c"])) == "(TOP (S (XX a) (VP (XX b) (VP (XX c)))))"
    assert str(right_branching(["a"])) == "(TOP (S (XX a)))"


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=300))
def test_they_stand_over_exactly_the_words(words):
    assert flat(words).words() == right_branching(words).words() == words
