"""A trained parser: the same trees as fairseq's path over the data-bin, words back exactly, nothing lost."""

from __future__ import annotations

import shutil
from argparse import Namespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_parsing import toy_trees

from aat_plugin.bindings.parser import Parser, ParseSearch
from aat_plugin.errors import CheckpointError, ConfigError, DataError
from aat_plugin.parsing.parses import TOO_LONG
from aat_plugin.parsing.raw_text import fit
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.trees import read_line, to_line

SENTENCES = [tree.words() for tree in toy_trees(24, seed=2)]  # the test set's


@pytest.fixture(scope="module")
def parser(toy_parser):
    return Parser([toy_parser.trained], None, ParseSearch(beam=3, nbest=3), "cpu")


def shown(parses):
    return [[(to_line(one.tree), round(one.score, 4)) for one in best] for best in parses]


def test_it_says_what_fairseqs_task_says_of_the_prepared_test_set(parser):
    task, words = parser.task, SENTENCES
    task.load_dataset("test")
    data = task.datasets["test"]
    generator = task.build_generator(parser.models, Namespace(beam=3, lenpen=0.3, nbest=3))
    batch = data.collater([data[index] for index in range(len(data))])
    expected: list = [None] * len(data)
    for index, entries in zip(batch["id"].tolist(), task.inference_step(generator, parser.models, batch), strict=True):
        expected[index] = [
            (to_line(rebuild(task.treebank.linearisation,
                             [task.target_dictionary[int(one)] for one in entry["tokens"][:-1]], words[index]).tree),
             round(float(entry["score"]), 4))
            for entry in entries[:3]
        ]  # fmt: skip
    found = shown(parser.parse(words))
    assert [[tree for tree, _ in best] for best in found] == [[tree for tree, _ in best] for best in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=2e-4)


def test_batches_and_company_change_nothing(toy_parser, parser):
    small = Parser([toy_parser.trained], None, ParseSearch(beam=3, nbest=3, max_tokens=20), "cpu")
    together = shown(parser.parse(SENTENCES))
    assert [[tree for tree, _ in best] for best in shown(small.parse(SENTENCES))] == [
        [tree for tree, _ in best] for best in together]
    assert shown(parser.parse([SENTENCES[5]]))[0][0][0] == together[5][0][0]


def test_data_may_be_the_folder_its_data_bin_or_what_it_was_trained_on(toy_parser):
    first = Parser([toy_parser.trained], None, ParseSearch(beam=1), "cpu").parse(SENTENCES[:3])
    for folder in (toy_parser.data, toy_parser.data / "data-bin"):
        found = Parser([toy_parser.trained], folder, ParseSearch(beam=1), "cpu").parse(SENTENCES[:3])
        assert shown(found) == shown(first)


def test_an_ensemble_of_one_model_twice_is_that_model_and_of_two_is_neither(toy_parser):
    def parses(*checkpoints):
        return shown(Parser(list(checkpoints), None, ParseSearch(beam=2), "cpu").parse(SENTENCES[:4]))

    alone = parses(toy_parser.trained)
    twice = parses(toy_parser.trained, toy_parser.trained)
    assert [[tree for tree, _ in best] for best in twice] == [[tree for tree, _ in best] for best in alone]
    assert parses(toy_parser.trained, toy_parser.untrained) != alone


def test_the_paper_s_search_stands_in_and_is_described(toy_parser):
    found = Parser([toy_parser.trained], None, ParseSearch(), "cpu")
    assert found.description == "beam 21, α 0.3, at most |x| + 300 symbols, free"
    told = Parser([toy_parser.trained], None, ParseSearch(beam=2, lenpen=0.0, max_extra=9, constrained=True), "cpu")
    assert told.description == "beam 2, α 0, at most |x| + 9 symbols, constrained"


@pytest.mark.parametrize("which", ["trained", "untrained", "words"])
@pytest.mark.parametrize("constrained", [False, True])
def test_one_word_three_hundred_and_more_than_the_model_has_positions_for(toy_parser, which, constrained):
    """340 source positions, so 339 tokens fit, subwords counted; the answer is always a tree over the words."""
    search = ParseSearch(beam=1, max_extra=20, constrained=constrained)
    found = Parser([getattr(toy_parser, which)], None, search, "cpu")
    sentences = [["the"], ["the", "cats"] * 150, ["the"] * 400, []]
    one, many, over, none = found.parse(sentences)
    assert none == []
    assert [parses[0].tree.words() for parses in (one, many, over)] == sentences[:3]
    assert over[0].repairs == {TOO_LONG: 1}
    if constrained and TOO_LONG not in many[0].repairs:
        assert not many[0].repairs
    assert not constrained or not one[0].repairs


def test_what_is_cut_at_the_limit_is_repaired_and_counted(toy_parser):
    found = Parser([toy_parser.trained], None, ParseSearch(beam=1, max_extra=0), "cpu").parse(SENTENCES)
    cut = [best[0] for best in found if best[0].at_limit]
    assert cut
    assert all(one.repairs["cut-off"] == 1 for one in cut)
    assert [best[0].tree.words() for best in found] == SENTENCES
    tight = Parser([toy_parser.trained], None, ParseSearch(beam=1, max_extra=0, constrained=True), "cpu")
    assert all(not best[0].repairs for best in tight.parse(SENTENCES))


_words = st.lists(st.one_of(
    st.sampled_from(["the", "dog", "(", "a(b)c", "<pad>", "</s>", "<unk>", "XX", ")S", "a@@", "@@", "\u00a0"]),
    st.text(min_size=1, max_size=5).filter(lambda word: not set(word) & set(" \t\n\r\f\v")),
), max_size=6)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(_words, min_size=1, max_size=3), st.booleans())
def test_any_words_come_back_exactly_under_a_tree_that_can_be_read(toy_parser, sentences, constrained):
    key = "_fuzzed_free" if not constrained else "_fuzzed_constrained"
    if not hasattr(toy_parser, key):
        search = ParseSearch(beam=1, max_extra=12, constrained=constrained)
        setattr(toy_parser, key, Parser([toy_parser.untrained], None, search, "cpu"))
    given_words = [[fit(word) for word in words] for words in sentences]
    for words, parses in zip(given_words, getattr(toy_parser, key).parse(given_words), strict=True):
        assert len(parses) == bool(words)
        if words:
            assert parses[0].tree.words() == words
            assert read_line(to_line(parses[0].tree)).words() == words
            assert not (constrained and parses[0].repairs)


def test_symbols_of_the_dictionary_are_not_to_be_had_by_typing_their_names(parser):
    dictionary = parser.task.source_dictionary
    tokens = parser.tokens(["<pad>", "</s>", "<s>"])
    special = {dictionary.pad(), dictionary.bos(), dictionary.eos()}
    assert not special & set(tokens[:-1].tolist())
    assert int(tokens[-1]) == dictionary.eos()


@pytest.mark.parametrize(("search", "what"), [
    ({"beam": 0}, "--beam 0"), ({"nbest": 0}, "--nbest 0"), ({"max_tokens": 0}, "--max-tokens 0"),
    ({"max_extra": -1}, "--max-extra -1"), ({"beam": 2, "nbest": 3}, "--nbest 3 is more than --beam 2"),
])  # fmt: skip
def test_options_that_cannot_work_are_named(toy_parser, search, what):
    with pytest.raises(ConfigError, match=what):
        Parser([toy_parser.trained], None, ParseSearch(**search), "cpu")


def test_what_is_not_there_or_of_another_kind_is_named(toy_parser, tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.pt does not exist"):
        Parser([tmp_path / "none.pt"], None, ParseSearch(), "cpu")
    with pytest.raises(DataError, match=r"cannot be built with the data in .*nowhere|nowhere.* does not exist"):
        Parser([toy_parser.trained], tmp_path / "nowhere", ParseSearch(), "cpu")
    with pytest.raises(CheckpointError, match="does not fit the dictionaries"):
        Parser([toy_parser.trained], toy_parser.words_data, ParseSearch(), "cpu")
    bare = tmp_path / "data-bin"
    shutil.copytree(toy_parser.data / "data-bin", bare)
    with pytest.raises(DataError, match="subwords, and no bpecodes"):
        Parser([toy_parser.trained], bare, ParseSearch(), "cpu")
    state = torch.load(toy_parser.trained)
    state["cfg"]["task"] = {"_name": "aat_translation", "data": str(toy_parser.data / "data-bin"),
                            "source_lang": "words", "target_lang": "symbols"}  # fmt: skip
    torch.save(state, tmp_path / "translator.pt")
    with pytest.raises(CheckpointError, match="is no parser"):
        Parser([tmp_path / "translator.pt"], None, ParseSearch(), "cpu")
