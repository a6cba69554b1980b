"""Raw text to a treebank's words: MacIntyre's tokens, and the writing that the training trees have."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_makers import data

from aat_plugin.parsing.raw_text import PENN, Style, fit, learn_style, tokenise, write
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import Tree, read_line, to_line

PLAIN = Style(square=False, curly=False, slashes=False, straight_quotes=True, curly_quotes=True, long_dash=True,
              ellipsis=True)


@pytest.mark.parametrize(("text", "penn", "plain"), [
    ('"I can\'t (really) go," he said.', "`` I ca n't -LRB- really -RRB- go , '' he said .",
     '" I ca n\'t -LRB- really -RRB- go , " he said .'),
    ('He said "Go."', "He said `` Go . ''", 'He said " Go . "'),
    ("They'll pay $3.50, i.e. 50%, at 10:30!", "They 'll pay $ 3.50 , i.e. 50 % , at 10:30 !", None),
    ("The U.S. firms' dogs' 1,000 cats?", "The U.S. firms ' dogs ' 1,000 cats ?", None),
    ("Cannot stop; gonna go -- d'ye see... 'Tis me", "Can not stop ; gon na go -- d' ye see ... 'T is me", None),
    ("[she] {x} and/or 3*4", "-LSB- she -RSB- -LCB- x -RCB- and\\/or 3\\*4", "[ she ] { x } and/or 3*4"),
    ("it’s “quoted” — so…", "it 's `` quoted '' -- so ...", "it ’s “ quoted ” — so …"),
    ("don't won’t", "do n't wo n't", "do n't wo n’t"),
    ("", "", None),
])
def test_words_marks_and_escapes(text, penn, plain):
    assert " ".join(tokenise(text, PENN)) == penn
    assert plain is None or " ".join(tokenise(text, PLAIN)) == plain


@given(st.text(max_size=60))
def test_whatever_the_text_its_words_can_stand_in_a_tree_and_no_letter_is_lost(text):
    for style in (PENN, PLAIN):
        words = tokenise(text, style)
        if words:
            tree = Tree("S", [Tree.leaf("XX", word) for word in words])
            assert read_line(to_line(tree)) == tree
        assert [letter for letter in "".join(text.split()) if letter.isalpha()] == [
            letter for word in words for letter in ("" if word[:1] == "-" and word[-4:] in ("RRB-", "LRB-", "LSB-",
                                                    "RSB-", "LCB-", "RCB-") else word) if letter.isalpha()]


def test_words_given_as_such_only_lose_their_round_brackets():
    assert [fit(word) for word in ("(", "a)b", "[", "km/h", '"')] == ["-LRB-", "a-RRB-b", "[", "km/h", '"']
    assert write("a/b") == "a\\/b"
    assert write("a\\/b") == "a\\/b"


def test_the_style_is_that_of_the_training_words():
    assert learn_style({"``": 5, "and\\/or": 1, "--": 3}) == PENN
    assert learn_style({'"': 5, "and/or": 1, "—": 1, "“": 1, "…": 1, "[": 1, "{": 2}) == PLAIN
    assert learn_style({}) == PENN


def test_the_real_treebanks_style_is_seen_and_its_words_are_left_as_they_are():
    counts = Counter(word for tree in iterate_trees(data("gum/train.ptb")) for word in tree.words())
    style = learn_style(counts)
    assert style == Style(square=False, curly=True, slashes=False, straight_quotes=True, curly_quotes=True,
                          long_dash=True, ellipsis=True)
    changed = sum(count for word, count in counts.items() if write(word, style) != word)
    assert changed < 0.001 * counts.total()
