"""Section 6.1: averaging, penalties, limits, the search at its two ends and ensembles.

tests/translation draws tables, options and limits by hypothesis for each part of the search.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from compared import hold, of_section
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.conformance.search_tables import Table, TableModel, every_hypothesis, greedy, options, to_the_end
from aat_plugin.translation.averaging import RunningMean
from aat_plugin.translation.beam_search import beam_search


@pytest.mark.parametrize("comparison", of_section("6.1"))
def test_decoding_is_the_papers(comparison):
    hold(comparison)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), beam=st.integers(1, 4), limit=st.integers(1, 7), alpha=st.floats(0, 2))
def test_stopping_early_never_changes_the_best_hypothesis(seed, beam, limit, alpha):
    chosen = options(beam=beam + 1, nbest=1, alpha=alpha)
    found = beam_search(TableModel(Table(seed, 6), 1), torch.tensor([limit]), chosen)[0][0]
    score, said = to_the_end(Table(seed, 6), 0, limit, chosen)
    assert found.score == pytest.approx(score, abs=1e-9)
    assert tuple(found.tokens.tolist()) == said


def test_the_plain_searches_agree_with_each_other():
    # The oracles' own test: exhaustive search can only be better than any beam, and a beam of all is exhaustive.
    for seed in range(10):
        table, chosen = Table(seed, 5), options(beam=2)
        best = every_hypothesis(table, 0, 4, chosen)[0]
        assert best[0] >= to_the_end(table, 0, 4, chosen)[0] - 1e-12
        score, said = to_the_end(table, 0, 4, options(beam=200))
        assert (pytest.approx(score), said) == best
        said = greedy(table, 0, 4)
        assert best[0] + 1e-12 >= {tokens: score for score, tokens in every_hypothesis(table, 0, 4, chosen)}[said]


@given(st.lists(st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=1, max_size=7))
def test_the_mean_of_any_number_of_checkpoints_is_numpys(weights):
    mean = RunningMean()
    for number, row in enumerate(weights):
        mean.add(str(number), {"w": torch.tensor(row, dtype=torch.float64)})
    np.testing.assert_allclose(mean.mean()["w"].numpy(), np.mean(weights, axis=0), rtol=1e-12, atol=1e-12)
    assert math.isfinite(float(np.mean(weights)))
