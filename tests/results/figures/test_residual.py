"""The frame round each sub-layer, taken apart: the paper's form is the model's own encoder."""

from __future__ import annotations

import math

import pytest
import torch

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.errors import ConfigError
from aat_plugin.results.figures.residual import FORMS, LENGTH, SEED, WIDTH, likeness, outputs, residual, size


def test_the_papers_form_is_what_the_encoders_layers_compute():
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        encoder = Transformer(TransformerConfig(8, 8, 3, WIDTH, 4 * WIDTH, num_heads=4, d_k=16, d_v=16)).encoder
        encoder.double().eval()
        x = torch.randn(1, LENGTH, WIDTH, dtype=torch.float64)
    found = outputs(FORMS[0], 3)
    for layer, after in zip(encoder.layers, found[1:], strict=True):
        x = layer(x, torch.zeros(1, 1, 1, LENGTH, dtype=torch.bool))
        assert torch.allclose(x[0], after, rtol=0, atol=1e-12)


def test_likeness_is_the_mean_cosine_of_different_positions():
    assert likeness(torch.tensor([[1.0, 0.0], [3.0, 0.0]])) == pytest.approx(1)
    assert likeness(torch.tensor([[1.0, 0.0], [0.0, 2.0]])) == pytest.approx(0)
    assert likeness(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])) == pytest.approx(2 * math.sqrt(0.5) / 3)


def test_without_the_residual_positions_become_one_and_without_the_norm_numbers_grow():
    assert likeness(outputs(FORMS[1], 6)[-1]) > 0.999
    sizes = [size(one) for one in outputs(FORMS[2], 6)]
    assert sizes == sorted(sizes)
    assert size(outputs(FORMS[0], 6)[-1]) == pytest.approx(1, abs=0.01)


def test_no_layers_are_refused():
    with pytest.raises(ConfigError, match="num_layers=0"):
        residual(0)
