"""Spans read straight from a line are those of the tree that the line holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_makers import deep, topped

from aat_plugin.errors import DataError
from aat_plugin.parsing.spans import read_spans, without_tag
from aat_plugin.parsing.trees import Tree, read_line, to_line


def restated(tree: Tree) -> list[tuple[str, int, int]]:
    """(label, start, end) of each bracket in preorder, by recursion."""
    found = []

    def walk(node: Tree, start: int) -> int:
        if node.word is not None:
            return start + 1
        place = len(found)
        found.append((node.label, start, start))
        end = start
        for child in node.children:
            end = walk(child, end)
        found[place] = (node.label, start, end)
        return end

    walk(tree, 0)
    return found


@given(topped)
def test_words_tags_and_brackets_are_the_trees(tree):
    spans = read_spans(to_line(tree))
    assert (spans.words, spans.tags) == (tree.words(), tree.tags())
    assert list(zip(spans.labels, spans.starts, spans.ends, strict=True)) == restated(tree)
    assert spans.tops == [0]


@given(topped)
def test_words_of_one_tag_go_and_places_are_counted_anew(tree):
    left = without_tag(read_spans(to_line(tree)), "NN")
    assert left.tags == [tag for tag in tree.tags() if tag != "NN"]
    before = [sum(tag != "NN" for tag in tree.tags()[:place]) for place in range(len(tree.tags()) + 1)]
    assert left.starts == [before[start] for _, start, _ in restated(tree)]
    assert left.ends == [before[end] for *_, end in restated(tree)]


def test_empty_brackets_blank_lines_forests_and_depth_are_let_pass():
    assert read_spans("").words == []
    assert read_spans("(TOP)").words == read_spans("(())").words == read_spans("(TOP (S ))").words == []
    assert read_spans("(A (X a)) (B (Y b))").tops == [0, 1]
    assert len(read_spans(to_line(deep(5000))).labels) == 5000


@given(st.text(alphabet="()NPx \t\u00a0-", max_size=40))
def test_a_broken_line_is_refused_exactly_where_brackets_are_broken(text):
    try:
        spans = read_spans(text, "t", 7)
    except DataError as error:
        assert str(error).startswith("t:7:")  # noqa: PT017
        with pytest.raises(DataError):
            read_line(text)
    else:
        assert text.count("(") == text.count(")")
        assert len(spans.words) == len(spans.tags)
