"""Attention between rows, beside a restatement a sentence and a head at a time in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aat_plugin.architecture.precision import quick_small_products
from aat_plugin.architecture.rows import Rows, attend_rows

HEADS, D = 3, 4


def padded(lengths, left):
    """True where padded."""
    width = max(lengths)
    return torch.tensor([[(i < width - n) if left else (i >= n) for i in range(width)] for n in lengths])


def restated(query, key, value, causal):
    """(tgt_len, d), (src_len, d), (src_len, d) → Eq. 1 for one sentence and head."""
    scores = query @ key.T / np.sqrt(query.shape[1])
    if causal:
        scores = np.where(np.tri(*scores.shape, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ value


def hidden_of(mask, causal):
    hidden = mask[:, None, None, :]
    if causal:
        n = mask.size(1)
        hidden = (hidden | torch.ones(n, n, dtype=torch.bool).triu(1)) & ~torch.eye(n, dtype=torch.bool)
    return torch.zeros(hidden.shape, dtype=torch.float64).masked_fill(hidden, float("-inf"))


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_is_each_sentences_own(left, causal):
    lengths = [5, 2, 4]
    mask = padded(lengths, left)
    rows = Rows(mask)
    packed = torch.randn(sum(lengths), 3 * HEADS * D, dtype=torch.float64)
    found = attend_rows(None, packed, rows, rows, HEADS, hidden_of(mask, causal)).numpy()
    start = 0
    for length in lengths:
        own = packed[start : start + length].view(length, 3, HEADS, D).numpy()
        for head in range(HEADS):
            expected = restated(*(own[:, part, head] for part in range(3)), causal)
            part = found[start : start + length, head * D : (head + 1) * D]
            np.testing.assert_allclose(part, expected, rtol=1e-12)
        start += length


def test_attention_over_the_source_is_each_sentences_own():
    targets, sources = [3, 1, 4], [2, 5, 3]
    queries, keys = Rows(padded(targets, False)), Rows(padded(sources, True))
    query = torch.randn(sum(targets), HEADS * D, dtype=torch.float64)
    packed = torch.randn(sum(sources), 2 * HEADS * D, dtype=torch.float64)
    hidden = hidden_of(padded(sources, True), causal=False)
    found = attend_rows(query, packed, queries, keys, HEADS, hidden).numpy()
    t, s = np.cumsum([0, *targets]), np.cumsum([0, *sources])
    for n in range(3):
        own = packed[s[n] : s[n + 1]].view(-1, 2, HEADS, D).numpy()
        for head in range(HEADS):
            columns = slice(head * D, (head + 1) * D)
            expected = restated(query[t[n] : t[n + 1], columns].numpy(), own[:, 0, head], own[:, 1, head], False)
            np.testing.assert_allclose(found[t[n] : t[n + 1], columns], expected, rtol=1e-12)


@pytest.mark.parametrize("lengths", [[3, 1, 2], [2, 2]])
def test_gradients_agree_with_finite_differences(lengths):
    mask = padded(lengths, True)
    rows, sources = Rows(mask), Rows(padded([1, 3, 2][: len(lengths)], False))
    packed = torch.randn(sum(lengths), 3 * 2 * 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: attend_rows(None, p, rows, rows, 2, hidden_of(mask, True)), (packed,))
    query = torch.randn(sum(lengths), 2 * 2, dtype=torch.float64, requires_grad=True)
    memory = torch.randn(sources.real.numel(), 2 * 2 * 2, dtype=torch.float64, requires_grad=True)
    hidden = hidden_of(padded([1, 3, 2][: len(lengths)], False), False)
    assert torch.autograd.gradcheck(lambda q, m: attend_rows(q, m, rows, sources, 2, hidden), (query, memory))


def test_rows_are_taken_and_spread_with_zeros_and_gradients_come_back():
    mask = padded([2, 3], False)
    rows = Rows(mask)
    tokens = torch.tensor([[7, 8, 1], [4, 5, 6]])
    assert rows.take(tokens).tolist() == [7, 8, 4, 5, 6]
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    spread = rows.spread(x)
    assert spread[0, :2].equal(x[:2])
    assert spread[1].equal(x[2:])
    assert not spread[0, 2].any()
    assert torch.autograd.gradcheck(rows.spread, (x,))


@pytest.mark.parametrize("lengths", [[3, 1, 2], [2, 2]])
def test_spare_rows_stand_for_no_token_change_nothing_and_get_no_gradient(lengths):
    mask, number = padded(lengths, False), sum(lengths)
    plain, rows = Rows(mask), Rows(mask, 8)
    assert (rows.count, rows.spare, plain.spare) == (8, 8 - number, 0)
    tokens = torch.arange(mask.numel()).view(mask.shape)
    assert rows.take(tokens, 99).tolist() == [*plain.take(tokens).tolist(), *[99] * rows.spare]
    packed = torch.randn(8, 3 * 2 * 4, dtype=torch.float64, requires_grad=True)
    query = torch.randn(8, 2 * 4, dtype=torch.float64, requires_grad=True)

    def both(rows, count):
        alone = attend_rows(None, packed[:count], rows, rows, 2, hidden_of(mask, True))
        return rows.spread(alone), rows.spread(
            attend_rows(query[:count], packed[:count, 8:], rows, rows, 2, hidden_of(mask, False))
        )

    expected, found = both(plain, number), both(rows, 8)
    for one, other in zip(expected, found, strict=True):
        assert one.equal(other)
        upstream = torch.randn_like(one)
        for tensor in (query, packed):
            of_plain, of_rows = (
                torch.autograd.grad(out, tensor, upstream, retain_graph=True, allow_unused=True)[0]
                for out in (one, other)
            )
            assert (of_rows is None) == (of_plain is None)
            if of_rows is not None:
                assert of_rows.equal(of_plain)
                assert not of_rows[number:].any()


@pytest.mark.parametrize(("narrow", "away"), [(False, 2**-8), (True, 2**-7)])
def test_in_bfloat16_values_and_gradients_are_near_those_of_the_same_numbers(narrow, away):
    lengths = [17, 5, 30]
    mask = padded(lengths, False)
    rows = Rows(mask)
    packed = torch.randn(sum(lengths), 3 * HEADS * 16).bfloat16()
    upstream = torch.randn(sum(lengths), HEADS * 16).bfloat16()

    def both(packed, upstream, **more):
        given = packed.requires_grad_()
        out = attend_rows(None, given, rows, rows, HEADS, hidden_of(mask, True).to(torch.float32), **more)
        return out, torch.autograd.grad(out, given, upstream)[0]

    wide = both(packed.double(), upstream.double())
    for found, exact in zip(both(packed, upstream, narrow=narrow), wide, strict=True):
        assert found.dtype is torch.bfloat16
        assert (found - exact).norm() < away * exact.norm()


@pytest.mark.parametrize(("found", "quick"), [
    ({"amx_bf16": True, "avx512_bf16": True}, True), ({"avx512_bf16": True}, True), ({"avx512_f": True}, False),
    ({}, False),
])  # fmt: skip
def test_small_products_are_left_in_bfloat16_where_the_processor_has_them(monkeypatch, found, quick):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)
    assert quick_small_products.__wrapped__() is quick
