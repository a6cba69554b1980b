"""Random trees for the tests of parsing, and where the real treebanks are, if they are.

`AAT_DATA` names the folder that holds gum/ and evalb/; without it, the folder shared/data beside the checkout is tried.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import strategies as st

from aat_plugin.parsing.trees import Tree

LABELS = ("S", "NP", "VP", "PP", "X")
TAGS = ("NN", "VB", "DT", ",", ".", "-LRB-")
WORDS = ("the", "dog", "barks", ",", ".", "-LRB-", "a\u00a0b", "1/2", "\u2028", "/S", "XX", "NN")

leaves = st.builds(Tree.leaf, st.sampled_from(TAGS), st.sampled_from(WORDS))


def brackets(inner):
    """Brackets over some of `inner`."""
    return st.builds(Tree, st.sampled_from(LABELS), st.lists(inner, min_size=1, max_size=4))


trees = st.recursive(leaves, brackets, max_leaves=14)
"""A leaf or a bracket, unary chains included."""

topped = st.builds(Tree, st.just("TOP"), st.lists(trees, min_size=1, max_size=3))
"""What cleaning gives: anything under TOP, forests and a lone word too."""


def deep(depth: int, label: str = "S") -> Tree:
    """A chain of brackets over one word."""
    tree = Tree.leaf("NN", "x")
    for _ in range(depth):
        tree = Tree(label, [tree])
    return tree


def data(name: str) -> Path:
    """A file of the shared data; the test is skipped where it is not there."""
    folder = os.environ.get("AAT_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(folder) / name
    if not path.exists():
        pytest.skip(f"{name} is not here; set AAT_DATA to the folder that holds it")
    return path
