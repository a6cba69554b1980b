"""Section 5.4 against explicit target distributions, and the field's published test vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aat_plugin.errors import ConfigError
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy

MASSES = ("all", "others", "others_but_pad")


@pytest.mark.parametrize("mass", MASSES)
def test_the_smoothed_distribution_sums_to_one(mass):
    # With all classes equally likely, cross entropy is log V times the distribution's mass.
    logits = torch.zeros(1, 1, 9, dtype=torch.float64)
    sums = SmoothedCrossEntropy(0.3, mass).from_logits(logits, torch.tensor([[4]]))
    assert sums.loss.item() == pytest.approx(math.log(9), rel=1e-12)


def test_padding_gets_no_mass_under_others_but_pad_only():
    likely, unlikely = torch.zeros(1, 1, 6), torch.zeros(1, 1, 6)
    unlikely[..., 1] = -50.0
    target = torch.tensor([[3]])
    for mass, grows in (("all", True), ("others", True), ("others_but_pad", False)):
        loss = SmoothedCrossEntropy(0.1, mass, padding_idx=1)
        assert (loss.from_logits(unlikely, target).loss > loss.from_logits(likely, target).loss) == grows


def test_a_prefix_can_be_left_out():
    features, weight = torch.randn(2, 4, 5), torch.randn(8, 5)
    target = torch.randint(2, 8, (2, 4))
    cut = SmoothedCrossEntropy(0.1, ignore_prefix_size=2)(features, weight, target)
    whole = SmoothedCrossEntropy(0.1)(features[:, 2:], weight, target[:, 2:])
    assert torch.equal(cut.loss, whole.loss)


def test_unreduced_losses_add_up_to_the_reduced_one():
    logits, target = torch.randn(2, 3, 7).double(), torch.tensor([[2, 3, 1], [4, 1, 1]])
    loss = SmoothedCrossEntropy(0.1)
    each = loss.from_logits(logits, target, reduce=False)
    assert each.loss.shape == each.nll.shape == (2, 3)
    assert each.loss[target.eq(1)].eq(0).all()
    assert each.loss.sum().item() == pytest.approx(loss.from_logits(logits, target).loss.item())


def test_half_precision_logits_are_summed_in_float32():
    logits, target = torch.randn(4, 50, 30).half(), torch.randint(2, 30, (4, 50))
    sums = SmoothedCrossEntropy(0.1).from_logits(logits, target)
    exact = SmoothedCrossEntropy(0.1).from_logits(logits.double(), target)
    assert sums.loss.dtype == torch.float32
    np.testing.assert_allclose(sums.loss.item(), exact.loss.item(), rtol=1e-6)


@pytest.mark.parametrize(
    "wrong", [dict(epsilon=1.0), dict(epsilon=-0.1), dict(smoothing_mass="most"), dict(ignore_prefix_size=-1)]
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ConfigError):
        SmoothedCrossEntropy(**wrong)
