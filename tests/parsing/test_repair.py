"""Whatever a model says, a sentence gets a tree over exactly its words, by rules that are counted and documented."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_makers import topped

from aat_plugin.errors import DataError
from aat_plugin.parsing.linearise import SCHEMES, Kind, for_symbols
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.repair_rules import RULES, as_markdown
from aat_plugin.parsing.trees import read_line, to_line

LABELS, TAGS = ("S", "NP"), ("NN", "DT")
SYMBOLS = {scheme: [f(x) for made in [for_symbols(scheme, LABELS, TAGS)] for f, names in
                    ((made.opener, LABELS), (made.closer, LABELS), (made.leaf, TAGS)) for x in names] + ["<unk>", "??"]
           for scheme in SCHEMES}


def is_a_tree(kinds: list[tuple[Kind, str]], num_words: int) -> bool:
    """Well-formed, restated: brackets match by label and hold something, one leaf a word, and something is said."""
    parts, used = [[]], 0
    for kind, text in kinds:
        if kind is Kind.LEAF:
            parts[-1].append("word")
            used += 1
        elif kind is Kind.OPENER:
            parts.append([text])
        elif kind is Kind.CLOSER:
            if len(parts) == 1 or parts[-1][0] != text or len(parts[-1]) == 1:
                return False
            parts.pop()
            parts[-1].append("bracket")
        else:
            return False
    return len(parts) == 1 and used == num_words


@settings(max_examples=400)
@given(scheme=st.sampled_from(SCHEMES), place=st.lists(st.integers(0, 7), max_size=14), num_words=st.integers(1, 5),
       ended=st.booleans())
def test_every_output_becomes_a_tree_over_exactly_the_words_and_only_malformed_ones_are_mended(
    scheme, place, num_words, ended
):
    linearisation = for_symbols(scheme, LABELS, TAGS)
    words = [f"w{number}" for number in range(num_words)]
    said = [SYMBOLS[scheme][number] for number in place]
    if scheme == "tags":
        said = [symbol for symbol in said if symbol != "??"]  # a tag like any other there
    tree, repairs = rebuild(linearisation, said, words, ended=ended)
    assert tree.label == "TOP"
    assert tree.words() == words
    assert all(node.children or node.word for node in tree.preorder())
    assert read_line(to_line(tree)) == tree
    assert set(repairs) <= {rule.name for rule in RULES}
    well_formed = ended and is_a_tree([linearisation.read(symbol) for symbol in said], num_words)
    assert (not repairs) == well_formed
    # What was mended is well-formed.
    plain = for_symbols("vinyals", [], [])
    assert rebuild(plain, plain.symbols(tree), words, tree.tags()) == (tree, Counter())


@given(tree=topped, drop=st.integers(0, 30))
def test_one_lost_symbol_is_noticed_and_no_word_goes_with_it(tree, drop):
    linearisation = for_symbols("vinyals", [], [])
    said = linearisation.symbols(tree)
    rebuilt = rebuild(linearisation, said[: drop % len(said)] + said[drop % len(said) + 1 :], tree.words(), tree.tags())
    assert rebuilt.malformed
    assert rebuilt.tree.words() == tree.words()
    assert rebuilt.tree.tags() == tree.tags()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_does_what_its_example_says_and_is_counted(rule):
    rebuilt = rebuild(for_symbols("vinyals", [], []), rule.before.split(), rule.words.split(),
                      ended=rule.name != "cut-off")
    assert str(rebuilt.tree) == rule.after
    assert rebuilt.repairs[rule.name] == 1


def test_missing_words_go_to_the_outermost_open_bracket_or_to_the_sentence():
    linearisation = for_symbols("vinyals", [], [])

    def mended(said: str, words: str) -> str:
        return str(rebuild(linearisation, said.split(), words.split()).tree)

    assert mended("(S (NP XX", "a b c") == "(TOP (S (NP (XX a)) (XX b) (XX c)))"
    assert mended("(NP XX )NP (VP XX )VP", "a b c") == "(TOP (NP (XX a)) (VP (XX b)) (XX c))"
    assert mended("XX (NP", "a b") == "(TOP (XX a) (XX b))"
    assert mended("(S XX )S (S (NP", "a b") == "(TOP (S (XX a)) (XX b))"


def test_counts_are_by_bracket_and_by_word():
    linearisation = for_symbols("vinyals", [], [])
    assert rebuild(linearisation, ["(S", "(NP", "(X", "XX"], ["a", "b", "c"]).repairs == Counter(
        {"unclosed": 3, "missing-leaf": 2})
    assert rebuild(linearisation, ["(S", "(NP", "(X", "XX", ")S"], ["a"]).repairs == Counter({"missing-closer": 2})


def test_said_tags_win_and_given_ones_fill_up():
    tree = rebuild(for_symbols("tags", [], []), ["(S", "DT", ")S"], ["a", "b"], ["NN", "NN"]).tree
    assert str(tree) == "(TOP (S (DT a) (NN b)))"


def test_a_sentence_without_words_or_with_other_tags_is_refused():
    with pytest.raises(DataError, match="blank lines"):
        rebuild(for_symbols("vinyals", [], []), [], [])
    with pytest.raises(DataError, match="1 words have 2 tags"):
        rebuild(for_symbols("vinyals", [], []), [], ["a"], ["X", "Y"])


def test_the_table_in_the_docs_is_the_rules():
    docs = Path(__file__).resolve().parents[2] / "docs" / "parsing.md"
    assert as_markdown() in docs.read_text(encoding="utf-8"), "put repair_rules.as_markdown() into docs/parsing.md"
