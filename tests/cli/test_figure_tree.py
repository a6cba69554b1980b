"""`aat figure tree`: the picture, the three ways to say a tree, and input that is none."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from aat_plugin.cli import main


def test_a_tree_is_drawn_and_said_in_three_ways(tmp_path, capsys):
    assert main(["figure", "tree", "(S (NP (DT the) (NN aunt)) (VP (VBZ laughs)))", "-o", str(tmp_path / "t.svg")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == [
        "words: the aunt laughs",
        "vinyals: (S (NP XX XX )NP (VP XX )VP )S",
        "tags: (S (NP DT NN )NP (VP VBZ )VP )S",
        "t2t: S NP DT NN /NP VP VBZ /VP /S",
    ]
    root = ElementTree.parse(tmp_path / "t.svg").getroot()
    assert root.get("color") == "black", "readable on a dark page too:"
    assert next(iter(root)).get("fill") == "white"
    texts = {node.text for node in root.iter() if node.text}
    assert {"S", "NP", "DT", "aunt"} <= texts


@pytest.mark.parametrize(
    ("given", "said"),
    [("(S (NP", "tree that was given"), ("", "there is no tree"), ("(S (NP (-NONE- *)))", "there is no tree")],
)
def test_what_is_no_tree_is_one_line(tmp_path, capsys, given, said):
    assert main(["figure", "tree", given, "-o", str(tmp_path / "t.svg")]) != 0
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "t.svg").exists()


def test_another_format_is_refused(tmp_path, capsys):
    assert main(["figure", "tree", "(S (NN rain))", "-o", str(tmp_path / "t.png")]) != 0
    assert "an .svg" in capsys.readouterr().err
