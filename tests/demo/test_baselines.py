"""The two baselines: what they are on words one can align by hand, and how far they get on the demo's test set."""

from __future__ import annotations

import pytest
import sacrebleu

from aat_plugin.demo import baselines, corpus


def bleu(translations: list[str], references: list[str]) -> float:
    """BLEU of text that is split into words already."""
    return sacrebleu.corpus_bleu(translations, [references], tokenize="none", force=True).score


def test_the_dictionary_finds_the_words_that_occur_together():
    sources = ["the house", "the book", "a book", "a house"]
    targets = ["das Haus", "das Buch", "ein Buch", "ein Haus"]
    assert baselines.dictionary(sources, targets) == {"the": "das", "a": "ein", "house": "Haus", "book": "Buch"}


def test_model_1_gives_each_source_word_a_distribution():
    pairs = [(["a", "b"], ["x", "y", "y"]), (["b", "c"], ["y"])]
    for row in baselines.align(pairs, 3).values():
        assert sum(row.values()) == pytest.approx(1.0)


def test_one_round_of_model_1_is_the_fraction_counted_by_hand():
    """Uniform start: in (a b → x y) each of x, y gives ½ to each word; in (a → x) x gives 1 to a: t(x|a) = 1.5 / 2."""
    likely = baselines.align([(["a", "b"], ["x", "y"]), (["a"], ["x"])], 1)
    assert likely["a"]["x"] == pytest.approx(0.75)
    assert likely["b"]["x"] == pytest.approx(0.5)


def test_word_for_word_keeps_the_order_and_copies_unknown_words():
    assert baselines.word_for_word(["a b c"], {"a": "x", "c": "z"}) == ["x b z"]


def test_copying_scores_nothing_and_the_dictionary_less_than_half():
    made = corpus.split(1, {"train": 3000, "valid": 10, "test": 400})
    sources = [example.source for example in made["test"]]
    references = [example.target for example in made["test"]]
    pairs = [(example.source, example.target) for example in made["train"]]
    known = baselines.dictionary([source for source, _ in pairs], [target for _, target in pairs])
    assert bleu(baselines.copy(sources), references) < 1
    assert 5 < bleu(baselines.word_for_word(sources, known), references) < 50
    assert bleu(references, references) == pytest.approx(100)
