"""The beam search that can be followed by hand: against all sentences of its table."""

from __future__ import annotations

import math

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.results.figures.beam import LONGEST, TABLE, beam, probability, search, words_of

SENTENCES = [(*said, word) for said, after in TABLE.items() if len(said) == LONGEST - 1 for word in after]


def test_the_table_is_a_distribution_at_each_step_and_over_all_sentences():
    assert all(math.isclose(sum(after.values()), 1) for after in TABLE.values())
    assert math.isclose(sum(map(probability, SENTENCES)), 1)


@pytest.mark.parametrize("width", [2, 3, 4])
def test_a_beam_finds_the_likeliest_sentence_and_greedy_search_does_not(width):
    best = max(SENTENCES, key=probability)
    results, asked = search(width)
    assert words_of(results[0]) == best
    assert words_of(search(1)[0][0]) != best
    assert all(len(step) <= width for step in asked)


def test_scores_are_log_p_over_the_penalty():
    for found in search(2, alpha=0.6)[0]:
        log_prob = math.log(probability(words_of(found)))
        assert found.log_prob == pytest.approx(log_prob)
        assert found.score == pytest.approx(log_prob / ((5 + LONGEST + 1) / 6) ** 0.6)


def test_a_beam_that_the_picture_has_no_room_for_is_refused():
    with pytest.raises(ConfigError, match="beam=5"):
        beam(5)
