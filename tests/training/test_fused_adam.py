"""One pass is fairseq's Adam: restated in plain Python, and beside it; each goes on where the other stopped."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from fairseq.optim.adam import Adam

from aat_plugin.training import fused_adam

OPTIONS = dict(lr=0.01, betas=(0.9, 0.98), eps=1e-3)  # an ε that is felt, so that its place is held


def parameters():
    generator = torch.Generator().manual_seed(4)
    return [torch.nn.Parameter(torch.randn(size, generator=generator).double()) for size in ((3, 5), (7,), ())]


def gradients(update):
    generator = torch.Generator().manual_seed(100 + update)
    return [torch.randn(size, generator=generator).double() for size in ((3, 5), (7,), ())]


def run(own, optimizer, updates, fused):
    for update in updates:
        for parameter, gradient in zip(own, gradients(update), strict=True):
            parameter.grad = gradient
        fused_adam.step(optimizer) if fused else optimizer.step()
    return own


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_one_number_after_three_updates_is_the_formulas(decay):
    own = parameters()
    start = float(own[2].detach())
    run(own, Adam(own, weight_decay=decay, **OPTIONS), range(3), fused=True)
    m = v = 0.0
    for t in range(1, 4):
        g = float(gradients(t - 1)[2])
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        start -= decay * 0.01 * start
        start -= 0.01 * math.sqrt(1 - 0.98**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-3)
    assert float(own[2].detach()) == pytest.approx(start, rel=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_it_is_fairseqs_adam_and_either_goes_on_from_the_others_state(decay):
    plain, mixed = parameters(), parameters()
    first, second = (Adam(one, weight_decay=decay, **OPTIONS) for one in (plain, mixed))
    run(plain, first, range(9), fused=False)
    run(mixed, second, range(3), fused=True)
    run(mixed, second, range(3, 6), fused=False)
    stored = copy.deepcopy(second.state_dict())
    resumed = Adam(mixed, weight_decay=decay, **OPTIONS)
    resumed.load_state_dict(stored)
    run(mixed, resumed, range(6, 9), fused=True)
    for one, other in zip(plain, mixed, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-7, atol=1e-9)
    for one, other in zip(first.state.values(), resumed.state.values(), strict=True):
        assert one.keys() == other.keys()
        assert one["step"] == other["step"] == 9
        torch.testing.assert_close(other["exp_avg_sq"], one["exp_avg_sq"], rtol=1e-9, atol=0)


def test_resuming_is_bit_equal():
    left, stopped = parameters(), parameters()
    run(left, Adam(left, **OPTIONS), range(6), fused=True)
    first = Adam(stopped, **OPTIONS)
    run(stopped, first, range(3), fused=True)
    second = Adam(stopped, **OPTIONS)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    run(stopped, second, range(3, 6), fused=True)
    assert all(one.equal(other) for one, other in zip(left, stopped, strict=True))


def test_what_it_cannot_do_is_left_to_the_optimizer():
    half = [torch.nn.Parameter(torch.zeros(2, dtype=torch.bfloat16))]
    assert not fused_adam.can_step(Adam(half, **OPTIONS))
    assert not fused_adam.can_step(Adam(parameters(), amsgrad=True, **OPTIONS))
    own = parameters()
    optimizer = Adam(own, **OPTIONS)
    assert fused_adam.can_step(optimizer)
    own[0].grad = torch.zeros(3, 5, dtype=torch.float64).to_sparse()
    assert not fused_adam.can_step(optimizer)
    fused_adam.step(Adam(parameters(), **OPTIONS))  # no gradients: nothing to do


@pytest.mark.parametrize("max_norm", [0.0, 0.5, 100.0])
def test_the_norm_found_at_once_is_fairseqs_and_clips_as_it_does(max_norm):
    from fairseq import utils

    sides = [[torch.nn.Parameter(one.detach().float()) for one in parameters()] for _ in range(2)]
    for own in sides:
        for parameter, gradient in zip(own[:2], gradients(3), strict=False):
            parameter.grad = gradient.float()
    expected = utils.clip_grad_norm_(sides[0], max_norm)
    found = fused_adam.clip(sides[1], max_norm)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)
    assert float(found) == pytest.approx(math.sqrt(sum(float((g**2).sum()) for g in gradients(3)[:2])), rel=1e-6)
    for one, other in zip(sides[0][:2], sides[1][:2], strict=True):
        torch.testing.assert_close(one.grad, other.grad)
