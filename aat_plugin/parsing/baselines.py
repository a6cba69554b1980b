"""Floors under any parser: trees that look at nothing but the number of words. Read `evalb` for what they score."""

from __future__ import annotations

from collections.abc import Sequence

from aat_plugin.parsing.cleaning import TOP
from aat_plugin.parsing.linearise import UNNAMED_TAG
from aat_plugin.parsing.trees import Tree


def flat(words: Sequence[str], tags: Sequence[str] | None = None) -> Tree:
    """`(TOP (S w1 … wn))`.

    Args:
        words: the sentence, at least one word.
        tags: their tags; XX where not given.
    """
    return Tree(TOP, [Tree("S", _leaves(words, tags))])


def right_branching(words: Sequence[str], tags: Sequence[str] | None = None) -> Tree:
    """`(TOP (S w1 (VP w2 … (VP wn))))`: a bracket from every word to the end, S around all and VP within.

    Args:
        words: the sentence, at least one word.
        tags: their tags; XX where not given.
    """
    leaves = _leaves(words, tags)
    root = Tree("S", leaves[:1])
    inner = root
    for leaf in leaves[1:]:
        inner.children.append(Tree("VP", [leaf]))
        inner = inner.children[-1]
    return Tree(TOP, [root])


def _leaves(words: Sequence[str], tags: Sequence[str] | None) -> list[Tree]:
    return list(map(Tree.leaf, tags or [UNNAMED_TAG] * len(words), words))
