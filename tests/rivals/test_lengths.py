"""|t̂| = a·|s| + b covers nearly all targets of the corpus that it was fitted to."""

import numpy as np
import pytest
import torch

from aat_plugin.rivals.lengths import COVERED, fit_length_ratio, unfolded


def test_a_line_is_found_again():
    source = np.arange(1, 50)
    assert fit_length_ratio(source, 1.25 * source + 3) == pytest.approx((1.25, 3.0))


def test_nearly_all_targets_lie_under_the_line_and_it_is_no_higher_than_it_must_be():
    generator = np.random.default_rng(1)
    source = generator.integers(2, 60, 20_000)
    target = np.maximum(1, np.rint(source * 1.1 + generator.normal(0, 3, source.size)))
    ratio, offset = fit_length_ratio(source, target)
    assert ratio == pytest.approx(1.1, abs=0.02)
    assert np.mean(target <= ratio * source + offset) == pytest.approx(COVERED, abs=0.005)


def test_sentences_of_one_length_are_no_mistake():
    assert fit_length_ratio([5, 5, 5], [7, 7, 7]) == (1.0, 2.0)


def test_the_line_is_rounded_up_and_never_cuts_the_source_off():
    lengths = torch.tensor([1, 4, 10])
    assert unfolded(lengths, 1.2, 0.0).tolist() == [2, 5, 12]
    assert unfolded(lengths, 0.5, 1.0).tolist() == [2, 4, 10]
