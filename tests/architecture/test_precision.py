"""Softmax and layer normalisation in at least float32; float64 stays float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aat_plugin.architecture.precision import MANY, SHORTEST, LayerNorm, log_softmax, softmax, softmax_of_many
from aat_plugin.conformance import reference as oracles


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_softmax_keeps_the_type_and_computes_in_at_least_float32(dtype):
    scores = torch.randn(4, 50, dtype=torch.float64).mul(5).to(dtype)
    out = softmax(scores)
    assert out.dtype == dtype
    exact = np.stack([oracles.softmax(row) for row in scores.double().numpy()])
    # Computed in half precision the sum alone would be off by more; rounding the result once is all that is lost.
    assert torch.equal(out, torch.tensor(exact).to(dtype)) or dtype in (torch.float32, torch.float64)
    np.testing.assert_allclose(out.double().numpy(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [1, 7, SHORTEST - 1, SHORTEST, SHORTEST + 3])
@pytest.mark.parametrize("rows", [2, MANY])
def test_softmax_of_many_short_rows_is_softmax(dtype, classes, rows):
    torch.manual_seed(rows + classes)
    scores = torch.randn(rows, classes, dtype=torch.float64).mul(5).to(dtype)
    scores[0, 1:] = -torch.inf
    out = softmax_of_many(scores)
    assert out.shape == scores.shape
    assert out.dtype == dtype
    shifted = scores.double().numpy() - scores.double().numpy().max(axis=1, keepdims=True)
    exact = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(out.double().numpy(), exact, rtol=2 * torch.finfo(dtype).eps, atol=1e-7)


def test_log_softmax_of_half_precision_is_float32_and_of_float64_exact():
    scores = torch.randn(3, 9)
    assert log_softmax(scores.half()).dtype == torch.float32
    exact = log_softmax(scores.double())
    assert exact.dtype == torch.float64
    np.testing.assert_allclose(exact.exp().sum(-1).numpy(), 1.0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_layer_norm_equals_the_formula(dtype):
    norm = LayerNorm(30, 1e-5)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    norm = norm.to(dtype)
    x = (torch.randn(2, 5, 30, dtype=torch.float64) * 20 + 100).to(dtype)
    out = norm(x)
    assert out.dtype == dtype
    parameters = {"n.weight": norm.weight.detach().double().numpy(), "n.bias": norm.bias.detach().double().numpy()}
    expected = oracles.layer_norm(parameters, "n", x.double().reshape(-1, 30).numpy(), 1e-5)
    tolerance = 1e-12 if dtype == torch.float64 else 4 * torch.finfo(dtype).eps
    np.testing.assert_allclose(out.detach().double().reshape(-1, 30).numpy(), expected, rtol=tolerance, atol=tolerance)
