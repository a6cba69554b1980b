"""LayerNorm(x + Dropout(inner)) in one operation: the formula restated, the rate counted, and who decides the mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aat_plugin.architecture.dropout import LEVELS, level, random_bits
from aat_plugin.architecture.precision import LayerNorm
from aat_plugin.architecture.residual import can_fuse, normalised_sum, passed
from aat_plugin.architecture.ways import Ways

TYPES = (torch.float64, torch.float32, torch.bfloat16)


def norm_of(width, dtype=torch.float32):
    norm = LayerNorm(width, 1e-5)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    return norm.to(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("p", [0.1, 0.3, 0.6])
def test_it_is_the_formula(dtype, p):
    x, inner = torch.randn(4, 5, 30).to(dtype), torch.randn(4, 5, 30).to(dtype)
    norm = norm_of(30, torch.float64 if dtype is torch.float64 else torch.float32)
    torch.manual_seed(3)
    found = normalised_sum(x, inner, norm, p)
    torch.manual_seed(3)
    survives = passed(torch.ones_like(x), random_bits(x.shape), level(p)).double().numpy()
    assert set(np.unique(survives)) == {0.0, 1.0}
    summed = x.double().numpy() + survives * inner.double().numpy() / (1 - level(p) / LEVELS)
    centred = summed - summed.mean(-1, keepdims=True)
    normalised = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    expected = normalised * norm.weight.detach().double().numpy() + norm.bias.detach().double().numpy()
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.05}[dtype]
    assert found.dtype == dtype
    np.testing.assert_allclose(found.detach().double().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("p", [2**-16, 0.1, 0.3, 0.49, 0.5, 0.51, 0.9, 1 - 2**-16])
def test_of_all_bit_patterns_as_many_are_dropped_as_the_rate_says(dtype, p):
    every = torch.arange(-LEVELS // 2, LEVELS // 2).to(torch.int16)
    values = torch.randn(LEVELS).abs().add_(0.1).to(dtype)
    survived = passed(values, every, level(p))
    assert survived.eq(0).sum() == level(p)
    assert survived[survived.ne(0)].equal(values[survived.ne(0)])


def test_gradients_agree_with_finite_differences():
    x, inner = (torch.randn(3, 6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    norm = norm_of(6, torch.float64)

    def summed(*tensors):
        torch.manual_seed(5)
        return normalised_sum(*tensors[:2], norm, 0.4)

    assert torch.autograd.gradcheck(summed, (x, inner, norm.weight, norm.bias))


def test_in_bfloat16_gradients_are_near_and_parameters_ones_are_float32():
    norm, x, inner = norm_of(64), torch.randn(200, 64), torch.randn(200, 64)
    found = {}
    for dtype in (torch.float32, torch.bfloat16):
        tensors = [one.to(dtype, copy=True).requires_grad_() for one in (x, inner)]
        torch.manual_seed(1)
        bits = random_bits(x.shape)
        torch.manual_seed(1)
        normalised_sum(*tensors, norm, 0.1).float().pow(3).sum().backward()
        found[dtype] = [*(one.grad for one in tensors), norm.weight.grad.clone(), norm.bias.grad.clone()]
        assert [one.dtype for one in found[dtype]] == [dtype, dtype, torch.float32, torch.float32]
        assert found[dtype][1].ne(0).equal(passed(torch.ones_like(tensors[0]), bits, level(0.1)).ne(0))
        norm.zero_grad()
    # The masks differ between the types, so what is compared is what does not depend on them much: the parameters'.
    for exact, near in zip(found[torch.float32][2:], found[torch.bfloat16][2:], strict=True):
        assert torch.nn.functional.cosine_similarity(exact, near, dim=0) > 0.97


def test_a_half_precision_sub_layer_under_a_float32_stream_gets_its_own_type_back():
    x, inner = torch.randn(4, 6), torch.randn(4, 6).bfloat16().requires_grad_()
    out = normalised_sum(x, inner, norm_of(6), 0.5)
    (gradient,) = torch.autograd.grad(out.pow(2).sum(), inner)
    assert (out.dtype, gradient.dtype) == (torch.float32, torch.bfloat16)


def test_the_seed_decides_and_without_dropout_there_is_nothing_to_fuse():
    x, inner, norm = torch.randn(9, 8), torch.randn(9, 8), norm_of(8)
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        found.append(normalised_sum(x, inner, norm, 0.3))
    assert found[0].equal(found[1])
    assert not found[0].equal(found[2])
    assert can_fuse(x, 0.3, Ways(quick_dropout=True, fused_residual=True))
    assert not can_fuse(x, 0.0, Ways(quick_dropout=True, fused_residual=True))
    assert not can_fuse(x, 0.3, Ways(quick_dropout=True))
    assert not can_fuse(x, 0.3, Ways(fused_residual=True))  # its masks are quick_dropout's
