"""Section 5.4 against explicit target distributions, and the field's published test vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.conformance import reference as oracles
from aat_plugin.errors import ConfigError
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy

MASSES = ("all", "others", "others_but_pad")


@pytest.mark.parametrize("mass", MASSES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), epsilon=st.floats(0, 0.9), vocabulary=st.integers(4, 12))
def test_the_loss_is_cross_entropy_against_the_smoothed_distribution(mass, seed, epsilon, vocabulary):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64)
    weight = torch.randn(vocabulary, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(2, vocabulary, (2, 3), generator=generator)
    target[1, 2] = 1
    sums = SmoothedCrossEntropy(epsilon, mass, padding_idx=1, report_accuracy=True)(features, weight, target)
    loss = nll = correct = 0.0
    for row in range(2):
        for column in range(3):
            y = int(target[row, column])
            if y == 1:
                continue
            logits = (features[row, column] @ weight.T).numpy()
            loss += oracles.cross_entropy(oracles.smoothed_distribution(y, vocabulary, epsilon, mass, 1), logits)
            nll += oracles.cross_entropy(oracles.smoothed_distribution(y, vocabulary, 0.0, "others", 1), logits)
            correct += int(logits.argmax() == y)
    assert sums.loss.item() == pytest.approx(loss, rel=1e-10)
    assert sums.nll.item() == pytest.approx(nll, rel=1e-10)
    assert sums.num_correct.item() == correct
    assert sums.num_tokens.item() == 5


@pytest.mark.parametrize("mass", MASSES)
def test_the_smoothed_distribution_sums_to_one(mass):
    # With all classes equally likely, cross entropy is log V times the distribution's mass.
    logits = torch.zeros(1, 1, 9, dtype=torch.float64)
    sums = SmoothedCrossEntropy(0.3, mass).from_logits(logits, torch.tensor([[4]]))
    assert sums.loss.item() == pytest.approx(math.log(9), rel=1e-12)


@pytest.mark.parametrize(
    ("mass", "expected"), [("others", 6.701877), ("all", 6.486866), ("others_but_pad", 6.582426)]
)
def test_the_five_class_vector(mass, expected):
    # V=5, pad 0, ε=0.4, p=(.1,.1,.6,.1,.1), targets (2,1), (2,pad), (1,pad); recomputed from the definitions.
    logits = torch.tensor([0.1, 0.1, 0.6, 0.1, 0.1], dtype=torch.float64).log().expand(3, 2, 5)
    target = torch.tensor([[2, 1], [2, 0], [1, 0]])
    sums = SmoothedCrossEntropy(0.4, mass, padding_idx=0).from_logits(logits, target)
    assert sums.loss.item() == pytest.approx(expected, abs=1e-6)


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
