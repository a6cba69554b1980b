"""One head's average and two heads' words, by plain softmax."""

from __future__ import annotations

import math

import pytest

from aat_plugin.results.figures.resolution import SHARP, WANTED, WORDS, found, resolution


@pytest.mark.parametrize("asked", [("subject",), ("object",), ("subject", "object")])
def test_the_mixture_is_the_softmax_of_the_scores(asked):
    scores = [SHARP if place in {WANTED[one] for one in asked} else 0.0 for place in range(len(WORDS))]
    powers = [math.exp(score) for score in scores]
    mixed, weights = found(*asked)
    assert weights.tolist() == pytest.approx([power / sum(powers) for power in powers])
    assert mixed.tolist() == pytest.approx(weights.tolist())


def test_the_picture_says_the_published_scores():
    assert "24.9 with 1, 25.5 with 4, 25.8 with 8, 25.8 with 16, 25.4 with 32" in resolution().alt
