"""The floors as parsers: a tree over exactly the words, nothing for a blank line."""

from __future__ import annotations

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.parsing.parses import Floor


@pytest.mark.parametrize(("kind", "tree"), [
    ("flat", "(TOP (S (XX a) (XX b) (XX c)))"), ("right-branching", "(TOP (S (XX a) (VP (XX b) (VP (XX c)))))"),
])  # fmt: skip
def test_a_floor_answers_every_sentence_and_no_blank_one(kind, tree):
    [[one], nothing] = Floor(kind).parse([["a", "b", "c"], []])
    assert str(one.tree) == tree
    assert nothing == []
    assert not one.repairs
    assert kind in Floor(kind).description


def test_an_unknown_floor_is_named():
    with pytest.raises(ConfigError, match=r"flat \| right-branching"):
        Floor("left")
