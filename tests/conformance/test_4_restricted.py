"""Section 4, Table 1: restricted self-attention is masked attention, in memory linear in n, with a cache of r / 2."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from compared import hold, of_section
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from aat_plugin.architecture import DecodingCache, Transformer, TransformerConfig
from aat_plugin.architecture.attention import scaled_dot_product_attention
from aat_plugin.architecture.restricted import Reach, reach, restricted_attention
from aat_plugin.conformance.section_3 import padded, randomised, sentence, small


@pytest.mark.parametrize("comparison", of_section("4"))
def test_restricted_attention_is_eq_1_in_the_neighbourhood(comparison):
    hold(comparison)


def test_r_positions_centred_on_ones_own_and_one_more_before_where_r_is_even():
    assert [reach(r, causal=False) for r in (1, 2, 3, 4, 5)] == [
        Reach(0, 0), Reach(1, 0), Reach(1, 1), Reach(2, 1), Reach(2, 2)
    ]
    assert [reach(r, causal=True) for r in (1, 2, 5)] == [Reach(0, 0), Reach(1, 0), Reach(2, 0)]


def dense_mask(padding: torch.Tensor, near: Reach) -> torch.Tensor:
    """(batch, 1, n, n), True where illegal: the neighbourhood and padding as one dense mask."""
    n = padding.size(1)
    offset = torch.arange(n) - torch.arange(n).unsqueeze(1)
    far = (offset < -near.before) | (offset > near.after)
    return ((far | padding[:, None, :]) & offset.ne(0)).unsqueeze(1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), n=st.integers(1, 80), r=st.integers(1, 50), causal=st.booleans(), left=st.booleans(),
    lengths=st.lists(st.integers(1, 80), min_size=1, max_size=3),
)
def test_values_and_gradients_equal_a_dense_mask_under_any_padding(seed, n, r, causal, left, lengths):
    torch.manual_seed(seed)
    near, places = reach(r, causal=causal), torch.arange(n)
    padding = torch.stack([places < n - m if left else places >= m for m in lengths])
    inputs = [torch.randn(len(lengths), 2, n, d, dtype=torch.float64, requires_grad=True) for d in (3, 3, 4)]
    weights = torch.randn(len(lengths), 2, n, 4, dtype=torch.float64)
    ours = restricted_attention(*inputs, padding, near)
    dense, _ = scaled_dot_product_attention(*inputs, dense_mask(padding, near))
    torch.testing.assert_close(ours, dense, rtol=0, atol=1e-12)
    gradients = (torch.autograd.grad((out * weights).sum(), inputs) for out in (ours, dense))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("r", [1, 2, 5])
def test_padding_changes_no_real_position_and_nothing_is_undefined(r, left):
    model = randomised(Transformer(small(restricted_attention=r)))
    sources, targets = [sentence(3), sentence(9)], [sentence(8), sentence(2)]
    logits, _ = model(padded(sources, left), None, padded(targets, left))
    assert torch.isfinite(logits).all()
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        alone, _ = model(torch.tensor([source]), None, torch.tensor([target]))
        real = logits[row, -len(target) :] if left else logits[row, : len(target)]
        torch.testing.assert_close(real, alone[0], rtol=0, atol=1e-12)


def test_what_is_far_away_changes_nothing_and_what_is_near_does():
    config = small(restricted_attention=5, num_layers=1)
    model, source = randomised(Transformer(config)), padded([sentence(12)])
    changed = source.clone()
    changed[0, 8] = 4 if source[0, 8] != 4 else 5
    moved = (model.encode(source).memory - model.encode(changed).memory).abs().sum(-1)[0] > 0
    assert moved.nonzero().squeeze(1).tolist() == [6, 7, 8, 9, 10], "positions 8 ± 2 through one layer"


class Largest(TorchDispatchMode):
    """The largest tensor that any operation returns, in elements; views cost nothing and are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor) and tensor._base is None:
                self.elements = max(self.elements, tensor.numel())
        return out


def largest_tensor(run) -> int:
    with Largest() as seen:
        run()
    return seen.elements


def long_model(r: int | None) -> Transformer:
    sizes = dict(num_layers=1, d_model=8, d_ff=8, num_heads=2, d_k=4, d_v=4, dropout=0.0)
    return Transformer(TransformerConfig(20, 20, **sizes, restricted_attention=r))


@pytest.mark.parametrize("r", [16, 64])
def test_memory_grows_linearly_up_to_8192_positions_in_training_too(r):
    model = long_model(r)

    def train(n: int) -> None:
        tokens, short = torch.randint(4, 20, (1, n)), torch.randint(4, 20, (1, 4))
        encoded = model.encode(tokens).memory.sum()
        decoded = model.decoder.decode(tokens, model.encode(short))[0].sum()
        (encoded + decoded).backward()

    sizes = {n: largest_tensor(lambda n=n: train(n)) for n in (2048, 4096, 8192)}
    assert sizes[8192] == pytest.approx(2 * sizes[4096], rel=0.02)
    assert sizes[4096] == pytest.approx(2 * sizes[2048], rel=0.02)
    # Two heads; a block of b queries sees b + r keys, b = max(r, 32): n · (b + r) scores a head.
    assert sizes[8192] <= 2 * 8192 * (max(r, 32) + r) * 1.1
    assert sizes[8192] < 8192 * 8192 / 20


def test_without_the_option_the_scores_are_a_full_square():
    tokens = torch.randint(4, 20, (1, 512))
    assert largest_tensor(lambda: long_model(None).encode(tokens)) >= 2 * 512 * 512


@pytest.mark.parametrize(("r", "kept"), [(1, 0), (2, 1), (5, 2), (8, 4)])
def test_the_cache_keeps_only_what_a_later_step_needs(r, kept):
    cache, past = DecodingCache(1), []
    for step in range(200):
        past.append(torch.full((1, 2, 1, 3), float(step)))
        key, value = cache.extend(0, past[-1], past[-1][..., :1], kept)
        torch.testing.assert_close(key, torch.cat(past[-1 - kept :], dim=2))
        torch.testing.assert_close(value, key[..., :1])
        assert key.untyped_storage().nbytes() <= 4 * 2 * 3 * 32, "not a view of everything"


def test_a_reordered_restricted_cache_goes_on_with_the_rows_it_was_given():
    model = randomised(Transformer(small(restricted_attention=4)))
    source, target = padded([sentence(4)] * 3), padded([sentence(6) for _ in range(3)])
    memory, cache, rows = model.encode(source), DecodingCache(2), torch.tensor([2, 0, 2, 1])
    model.decoder.decode(target[:, :5], memory, cache)
    cache.reorder(rows)
    features, _ = model.decoder.decode(target[rows], memory.select(rows), cache)
    expected, _ = model.decoder.decode(target[rows], memory.select(rows))
    torch.testing.assert_close(features, expected[:, 5:], rtol=0, atol=1e-12)
