"""Trees from brackets and back: every layout, any depth, and each mistake named with file, line and column."""

from __future__ import annotations

import gzip
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_makers import data, deep, topped, trees

from aat_plugin.errors import DataError
from aat_plugin.parsing.tree_files import iterate_lines, iterate_tree_lines, iterate_trees
from aat_plugin.parsing.trees import Tree, read_line, read_trees, to_line, to_pretty

DOG = Tree("S", [Tree("NP", [Tree.leaf("DT", "a"), Tree.leaf("NN", "dog")]), Tree("VP", [Tree.leaf("VBZ", "barks")])])


def one(text: str) -> Tree:
    (tree,) = read_trees(text.split("\n"))
    return tree


def attempt(text: str) -> tuple[list[Tree], str | None]:
    """The trees of a text, or the complaint about it."""
    try:
        return list(read_trees(text.split("\n"), "t")), None
    except DataError as error:
        return [], str(error)


@given(trees)
def test_a_tree_comes_back_from_one_line_and_from_many(tree):
    assert read_line(to_line(tree)) == tree
    assert one(to_pretty(tree, width=10)) == tree


@given(st.lists(topped, max_size=5), st.integers(1, 60))
def test_trees_stream_out_of_any_layout_in_order(many, width):
    pretty = "\n\n".join(to_pretty(tree, width) for tree in many)
    assert list(read_trees(pretty.split("\n"))) == many
    assert list(read_trees([" ".join(map(to_line, many))])) == many
    assert list(read_trees(pretty.replace(" ", "\n ").split("\n"))) == many


def test_the_usual_writings_of_one_tree_are_read_alike():
    for text in ("(S (NP (DT a) (NN dog)) (VP (VBZ barks)))", "(S\t(NP(DT a)(NN  dog))(VP(VBZ barks) )\r\n)",
                 "(S\n  (NP (DT\n a) (NN dog\n))\n  (VP (VBZ barks)))", "( S ( NP (DT a) (NN dog)) (VP (VBZ barks)))"):
        assert one(text) == DOG


def test_wrappers_traces_and_brackets_in_words_stand_as_written():
    line = "( (S (NP-SBJ-1 (-NONE- *T*-1)) (NP=2 (-LRB- -LRB-) (PRP it) (-RRB- -RRB-))))"
    assert to_line(one(line)) == line
    assert one(line).label == ""
    assert one(line).words() == ["*T*-1", "-LRB-", "it", "-RRB-"]


def test_a_blank_line_is_no_tree_and_several_on_one_line_are_a_forest():
    assert read_line("  ") is None
    parts = [Tree("A", [Tree.leaf("X", "a")]), Tree("B", [Tree.leaf("Y", "b")])]
    assert read_line("(A (X a)) (B (Y b))") == Tree("", parts)
    assert read_line("(NN dog)") == Tree.leaf("NN", "dog")


def test_five_thousand_brackets_deep_is_read_written_and_compared():
    depth = 5 * sys.getrecursionlimit()
    tree = deep(depth)
    assert read_line(to_line(tree)) == tree
    assert one(to_pretty(tree, 40)) == tree
    assert tree != deep(depth - 1)
    assert len(tree.leaves()) == 1


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("(S (NN a)", "t:1:1", "a bracket is never closed"),
        ("\n  (S (NP (NN a)\n", "t:2:3", "2 brackets are never closed"),
        ("(S (NN a)))", "t:1:11", "closes nothing"),
        ("(S (NN a))\n(S (NP ))", "t:2:8", "'(NP' is empty"),
        ("()", "t:1:2", "'(' is empty"),
        ("(S (NN a) dog)", "t:1:11", "'dog' stands beside brackets"),
        ("(S (NN a dog))", "t:1:10", "'a'"),
        ("(NN\n a b)", "t:2:4", "'a' shares its bracket"),
        ("(NN\n a (X b))", "t:2:4", "'a' shares its bracket"),
        ("hello", "t:1:1", "outside all brackets"),
        ("(-LRB- ()", "t:1:9", "empty"),
        ("(-LRB- ( )", "t:1:10", "empty"),
    ],
)
def test_each_kind_of_broken_bracket_is_named_with_line_and_column(text, where, what):
    with pytest.raises(DataError) as caught:
        list(read_trees(text.split("\n"), "t"))
    message = str(caught.value)
    assert message.startswith(where + ":")
    assert "\n" not in message
    if what != "'a'":
        assert what in message


@given(st.text(alphabet="()NPx \n\t\u00a0-", max_size=60))
def test_whatever_is_fed_to_the_reader_it_gives_trees_that_write_back_or_one_line_of_complaint(text):
    found, complaint = attempt(text)
    assert complaint is None or (complaint.startswith("t:") and "\n" not in complaint)
    for tree in found:
        assert all(node.children or node.word for node in tree.preorder())
        if all(node.label for node in tree.leaves()):
            assert read_line(to_line(tree)) == tree


@pytest.mark.parametrize("word", ["", "a b", "(", "b)", "a\tb"])
def test_a_word_that_brackets_cannot_hold_is_refused_when_writing(word):
    with pytest.raises(DataError, match="-LRB-"):
        to_line(Tree("S", [Tree.leaf("NN", word)]))
    with pytest.raises(DataError, match="label"):
        to_line(Tree("S (", [Tree.leaf("NN", "a")]))


def test_packed_files_are_known_by_their_bytes_and_damage_is_one_line(tmp_path):
    plain, packed = tmp_path / "a.trees", tmp_path / "b.trees"
    text = "\ufeff( (S (NN caf\u00e9)))\r\n\n(S (NN b))\n"
    plain.write_text(text, encoding="utf-8", newline="")
    packed.write_bytes(gzip.compress(text.encode()))
    assert list(iterate_trees(plain)) == list(iterate_trees(packed))
    assert [tree and tree.words() for tree in iterate_tree_lines(packed)] == [["caf\u00e9"], None, ["b"]]
    packed.write_bytes(packed.read_bytes()[:-12])
    with pytest.raises(DataError, match="damaged or cut off"):
        list(iterate_lines(packed))
    plain.write_bytes(b"(S (NN a))\n(S (NN caf\xe9))\n")
    with pytest.raises(DataError, match=r"a\.trees:2: not UTF-8 \(byte 0xe9 at column 11\)"):
        list(iterate_trees(plain))
    with pytest.raises(DataError, match="No such file"):
        list(iterate_trees(tmp_path / "none"))
    with pytest.raises(DataError, match="directory"):
        list(iterate_trees(tmp_path))


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "a.trees"
    path.write_text("(S (NN a))\n(S (NN b)\n(S (NN c))\n")
    with pytest.raises(DataError, match=r"a\.trees:2:1: a bracket is never closed"):
        list(iterate_tree_lines(path))


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_every_line_of_the_real_treebank_is_written_as_it_was_read(part):
    path = data(f"gum/{part}.ptb")
    assert all(to_line(tree) == line for tree, line in zip(iterate_trees(path), iterate_lines(path), strict=True))
