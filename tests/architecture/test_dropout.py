"""Masks of sixteen bits a value: their rate, their mean, their gradient, and that the seed alone decides them."""

from __future__ import annotations

import pytest
import torch

from aat_plugin.architecture.dropout import LEVELS, add_dropped, dropout, random_bits


def test_random_bits_take_each_of_their_values_equally_often_in_each_of_a_words_four_places():
    bits = random_bits(torch.Size([50_000, 4])).double()
    assert bits.min() >= -LEVELS // 2
    assert bits.max() < LEVELS // 2
    spread = LEVELS / 12**0.5 / 50_000**0.5  # of the mean of so many uniform numbers
    assert (bits.mean(dim=0) + 0.5).abs().max() < 5 * spread
    torch.testing.assert_close(bits.std(dim=0), torch.full((4,), LEVELS / 12**0.5).double(), rtol=0.02, atol=0)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_values_are_dropped_at_the_rate_and_the_rest_scaled_so_that_the_mean_is_exact(p):
    out = dropout(torch.ones(500, 400), p, quick=True)
    rate = (out == 0).double().mean().item()
    assert abs(rate - p) < 5 * (p * (1 - p) / out.numel()) ** 0.5
    exact = LEVELS / (LEVELS - round(p * LEVELS))
    assert set(out.unique().tolist()) == {0.0, torch.tensor(exact, dtype=torch.float32).item()}
    assert abs(exact - 1 / (1 - p)) < 2e-5


def test_the_seed_decides_the_mask_and_the_residual_is_added_whole():
    x, inner = torch.randn(7, 5), torch.randn(7, 5)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(add_dropped(x, inner, 0.3, quick=True))
        torch.manual_seed(3)
        torch.testing.assert_close(found[-1], x + dropout(inner, 0.3, quick=True))
    assert found[0].equal(found[1])
    torch.manual_seed(4)
    assert not found[0].equal(add_dropped(x, inner, 0.3, quick=True))


def test_the_gradient_passes_where_the_value_passed():
    x, inner = (torch.randn(6, 9, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def summed(*tensors):
        torch.manual_seed(5)
        return add_dropped(*tensors, 0.4, quick=True)

    assert torch.autograd.gradcheck(summed, (x, inner))
    of_x, of_inner = torch.autograd.grad(summed(x, inner).sum(), (x, inner))
    assert of_x.eq(1).all()
    assert of_inner.eq(0).equal(torch.isclose(summed(x, inner), x))


def test_half_precision_inner_values_keep_their_type_in_the_gradient_and_the_sum_is_float32():
    x, inner = torch.randn(4, 6), torch.randn(4, 6).bfloat16().requires_grad_()
    summed = add_dropped(x, inner, 0.5, quick=True)
    (gradient,) = torch.autograd.grad(summed.sum(), inner)
    assert (summed.dtype, gradient.dtype) == (torch.float32, torch.bfloat16)
    assert dropout(inner, 0.5, quick=True).dtype == torch.bfloat16


@pytest.mark.parametrize("p", [0.0, 0.2])
def test_without_quick_or_without_dropout_it_is_torchs_own_bit_for_bit(p):
    x, inner = torch.randn(4, 6), torch.randn(4, 6)
    torch.manual_seed(9)
    expected = x + torch.nn.functional.dropout(inner, p)
    torch.manual_seed(9)
    assert add_dropped(x, inner, p, quick=p == 0.0).equal(expected)


def test_bits_follow_from_torchs_seed_and_a_draw_after_another_is_another():
    drawn = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        drawn.append([random_bits(torch.Size([1001])) for _ in range(2)])
    assert drawn[0][0].equal(drawn[1][0])
    assert drawn[0][1].equal(drawn[1][1])
    assert not drawn[0][0].equal(drawn[2][0])
    assert not drawn[0][0].equal(drawn[0][1])
