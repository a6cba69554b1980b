"""The picture of the root of d_k: variance, weights and gradients, restated."""

from __future__ import annotations

import math

import pytest
import torch

from aat_plugin.errors import ConfigError
from aat_plugin.results.figures.scaling import WIDTHS, scaling, softness


@pytest.mark.parametrize("d_k", [4, 64])
def test_products_have_variance_d_k(d_k):
    assert softness(d_k, 10, scaled=True).variance == pytest.approx(d_k, rel=0.1)


def test_what_passes_is_the_trace_of_the_softmaxs_jacobian():
    scores = torch.tensor([1.0, -0.5, 0.25], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, 0), scores)
    powers = [math.exp(score) for score in scores.tolist()]
    assert jacobian.trace().item() == pytest.approx(1 - sum((power / sum(powers)) ** 2 for power in powers))


def test_the_root_keeps_weights_as_they_are_and_without_it_they_harden():
    scaled = [softness(d_k, 10, scaled=True).largest for d_k in WIDTHS]
    bare = [softness(d_k, 10, scaled=False) for d_k in WIDTHS]
    assert max(scaled) - min(scaled) < 0.03
    assert [one.largest for one in bare] == sorted(one.largest for one in bare)
    assert [one.passed for one in bare] == sorted((one.passed for one in bare), reverse=True)


def test_one_key_has_nothing_to_choose():
    with pytest.raises(ConfigError, match="keys=1"):
        scaling(1)
