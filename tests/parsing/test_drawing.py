"""Pictures of trees: well-formed XML, every label and word once, nothing over another, as deep as trees come."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from tree_makers import deep, topped

from aat_plugin.parsing.drawing import draw, text_width
from aat_plugin.parsing.trees import Tree

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[tuple[str, float, float]]:
    """Each text with its middle and its height."""
    found = ET.fromstring(picture).iter(f"{SVG}text")
    return [(one.text or "", float(one.get("x")), float(one.get("y"))) for one in found]


@settings(max_examples=60)
@given(st.lists(topped, min_size=1, max_size=3))
def test_labels_and_words_are_there_once_and_nothing_overlaps(trees):
    shown = texts(draw(trees))
    nodes = [node for tree in trees for node in tree.preorder()]
    expected = [text for node in nodes for text in (node.label, node.word) if text is not None]
    assert sorted(text for text, _, _ in shown) == sorted(expected)
    rows = defaultdict(list)
    for text, x, y in shown:
        rows[y].append((x - text_width(text) / 2, x + text_width(text) / 2))
    for row in rows.values():
        row.sort()
        assert all(right < left for (_, right), (left, _) in pairwise(row))
    width = float(ET.fromstring(draw(trees)).get("viewBox").split()[2])
    assert all(left >= 0 and right <= width for row in rows.values() for left, right in row)


@given(st.text(min_size=1))
def test_words_of_any_script_and_control_characters_are_xml(word):
    ET.fromstring(draw([Tree("S", [Tree.leaf("NN", word)])], alt=word))


def test_a_deep_tree_and_no_tree_are_drawn():
    assert draw([deep(3000)]).count("<text") == 3002
    ET.fromstring(draw([]))


def test_the_picture_says_its_words():
    tree = Tree("S", [Tree.leaf("DT", "the"), Tree.leaf("NN", '<"dog">')])
    assert ET.fromstring(draw([tree])).get("aria-label") == 'the <"dog">'
