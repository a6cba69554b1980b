"""Resampling: no difference is never significant, a clear one is, and F1 is that of the drawn sets' sums."""

from __future__ import annotations

import random

import pytest

from aat_plugin.errors import AatError
from aat_plugin.parsing.evalb import Sentence
from aat_plugin.parsing.significance import compare, shuffled


def parser(seed: int, hit: float, sentences: int = 300) -> list[Sentence]:
    """Sentences with ten gold and ten predicted brackets, each right by chance."""
    chance = random.Random(seed)
    return [Sentence(20, matched=sum(chance.random() < hit for _ in range(10)), gold=10, test=10)
            for _ in range(sentences)]


def test_a_parser_is_not_better_than_itself():
    same = compare(parser(1, 0.8), parser(1, 0.8))
    assert same.p_value == 1.0
    assert same.verdict == "no significant difference"


def test_a_clear_difference_is_significant_and_a_small_one_is_not():
    clear = compare(parser(1, 0.9), parser(2, 0.8))
    assert clear.p_value < 0.01
    assert clear.verdict == "better"
    assert compare(parser(2, 0.8), parser(1, 0.9)).verdict == "worse"
    assert compare(parser(3, 0.8), parser(4, 0.8)).verdict == "no significant difference"


def test_no_difference_is_called_significant_in_about_one_case_in_twenty():
    called = sum(compare(parser(2 * n, 0.8, 60), parser(2 * n + 1, 0.8, 60), samples=200).p_value < 0.05
                 for n in range(100))
    assert 0 <= called <= 13


def test_shuffling_agrees_with_resampling_and_never_calls_a_parser_better_than_itself():
    assert shuffled(parser(1, 0.8), parser(1, 0.8), samples=50) == 1.0
    assert shuffled(parser(1, 0.9), parser(2, 0.8), samples=500) < 0.01
    assert shuffled(parser(3, 0.8), parser(4, 0.8), samples=500) > 0.05
    assert shuffled(parser(3, 0.8), parser(4, 0.8), samples=90) == shuffled(parser(3, 0.8), parser(4, 0.8), samples=90)


def test_shuffling_counts_every_exchange_of_a_small_set():
    ours = [Sentence(5, matched=m, gold=4, test=4) for m in (4, 4, 3)]
    theirs = [Sentence(5, matched=m, gold=4, test=4) for m in (1, 3, 3)]
    # The difference of 4 brackets stays where both or neither of the first two sentences move: half of all exchanges.
    assert shuffled(ours, theirs, samples=4000) == pytest.approx(0.5, abs=0.03)


def test_shuffling_calls_no_difference_significant_in_about_one_case_in_twenty():
    called = sum(shuffled(parser(2 * n, 0.8, 60), parser(2 * n + 1, 0.8, 60), samples=200) < 0.05 for n in range(100))
    assert 0 <= called <= 13


def test_scores_are_of_the_sums_and_intervals_hold_them():
    sentences = [Sentence(1, matched=1, gold=1, test=1), Sentence(9, matched=0, gold=30, test=10)]
    result = compare(sentences * 20, sentences[:1] * 40)
    assert result.score == pytest.approx(200 * 20 / (620 + 220))
    assert result.baseline == 100.0
    assert result.interval[0] < result.score < result.interval[1]
    assert compare(sentences * 20, sentences[:1] * 40) == result


def test_sentences_must_pair_up():
    with pytest.raises(AatError, match="2 and 3 sentences"):
        compare(parser(1, 0.5, 2), parser(1, 0.5, 3))
    with pytest.raises(AatError, match="--samples 0"):
        compare(parser(1, 0.5, 2), parser(1, 0.5, 2), samples=0)
