"""Section 5.4: dropout's two places, and the smoothed loss in its three forms."""

from __future__ import annotations

import pytest
import torch
from compared import hold, of_section
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.architecture import Transformer
from aat_plugin.conformance import reference
from aat_plugin.conformance.section_3 import padded, sentence
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy


def sentences(lengths):
    """Random ids above the special symbols, one list for each length."""
    return [sentence(length) for length in lengths]


@pytest.mark.parametrize("comparison", of_section("5.4"))
def test_the_regularisation_is_the_papers(comparison):
    hold(comparison)



def test_dropout_acts_in_training_only_and_in_its_two_places(make_config):
    config = make_config(dropout=0.5)
    model = Transformer(config).double()
    source, target = padded(sentences([5])), padded(sentences([4]))
    model.eval()
    one, _ = model(source, None, target)
    assert torch.equal(one, model(source, None, target)[0])
    model.train()
    calls = []
    original = torch.nn.functional.dropout

    def counted(x, p=0.5, training=True, inplace=False):
        calls.append((tuple(x.shape), p, training))
        return original(x, p, training, inplace)

    torch.nn.functional.dropout = counted
    try:
        two, _ = model(source, None, target)
    finally:
        torch.nn.functional.dropout = original
    assert not torch.equal(one, two)
    active = [call for call in calls if call[2] and call[1] > 0]
    # One embedding sum a stack, two sub-layers an encoder layer, three a decoder layer (Section 5.4).
    assert len(active) == 2 + 2 * config.num_layers + 3 * config.num_layers
    assert {call[1] for call in active} == {0.5}


@pytest.mark.parametrize("mass", ["all", "others", "others_but_pad"])
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
            loss += reference.cross_entropy(reference.smoothed_distribution(y, vocabulary, epsilon, mass, 1), logits)
            nll += reference.cross_entropy(reference.smoothed_distribution(y, vocabulary, 0.0, "others", 1), logits)
            correct += int(logits.argmax() == y)
    assert sums.loss.item() == pytest.approx(loss, rel=1e-10)
    assert sums.nll.item() == pytest.approx(nll, rel=1e-10)
    assert sums.num_correct.item() == correct
    assert sums.num_tokens.item() == 5
