"""Attention by segments: with the flash kernel's rule restated here by loops, the model is the plain one."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from two_sides import HEADS, PAD, batch, outcome

from aat_plugin.architecture import segments, unpadded
from aat_plugin.architecture.segments import Segments, can_use_flash
from aat_plugin.architecture.ways import Ways
from aat_plugin.training.fused_loss import FusedCrossEntropy


def by_loops(query, key, value, queries, keys, causal):
    """softmax(q·k / sqrt(d)) v of each query over the keys of the segment with its number; zeros where it has none."""
    rows = []
    of_query, of_key = queries.bounds.tolist(), keys.bounds.tolist()
    assert of_query[-1] == query.size(0)
    assert of_key[-1] == key.size(0)
    for (start, end), (first, last) in zip(pairwise(of_query), pairwise(of_key), strict=True):
        for place in range(start, end):
            seen = first + place - start + 1 if causal else last
            k, v = key[first:seen], value[first:seen]
            if not len(k):
                rows.append(torch.zeros_like(query[place]))
                continue
            weights = torch.softmax(torch.einsum("hd,khd->hk", query[place], k) / math.sqrt(query.size(2)), dim=1)
            rows.append(torch.einsum("hk,khd->hd", weights, v))
    return torch.stack(rows)


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(segments, "flash", by_loops)
    monkeypatch.setattr(unpadded, "_laid_out", lambda padding_mask, half: Segments(padding_mask))


@pytest.mark.parametrize(("left_source", "left_target"), [(True, False), (False, True), (False, False), (True, True)])
def test_values_and_gradients_are_those_with_a_mask(
    as_on_a_gpu, dialect, make_config, make_model, left_source, left_target
):
    model = make_model(make_config(dialect, **HEADS, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0))
    sides = (left_source, left_target)
    plain, expected = outcome(model, Ways(), FusedCrossEntropy(), *sides)
    quick, found = outcome(model, Ways(unpadded=True), FusedCrossEntropy(), *sides)
    torch.testing.assert_close(quick.loss, plain.loss, rtol=1e-11, atol=0)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-8, atol=1e-10, msg=lambda m, n=name: n + m)


def test_a_sentence_is_its_left_padding_its_tokens_and_its_right_padding():
    tokens = torch.tensor([[PAD, PAD, 5, 6], [5, 6, 7, PAD], [5, 6, 7, 8], [PAD, 5, 6, PAD]])
    found = Segments(tokens.eq(PAD))
    assert found.bounds.dtype == torch.int32
    assert found.bounds.tolist() == [0, 2, 4, 4, 4, 7, 8, 8, 12, 12, 13, 15, 16]


def test_the_kernel_is_for_gpus_in_half_precision_alone(make_config):
    for dtype in (torch.float32, torch.bfloat16):
        assert not can_use_flash(make_config(**HEADS), torch.device("cpu"), dtype)
    assert not can_use_flash(make_config(**HEADS), torch.device("cuda"), torch.float32)
    assert not can_use_flash(make_config(d_k=4, d_v=4), torch.device("cuda"), torch.bfloat16)  # not a multiple of 8


def test_batches_of_both_sides_lie_as_the_loops_expect():
    """The loops' own check: with one segment a sentence they are the dense formula."""
    tokens = batch([3, 3], 1, left=False)
    where = Segments(tokens.eq(PAD))
    q, k, v = torch.randn(3, 6, 2, 4, dtype=torch.float64).unbind(0)
    dense = torch.softmax(torch.einsum("bqhd,bkhd->bhqk", q.view(2, 3, 2, 4), k.view(2, 3, 2, 4)) / 2.0, dim=-1)
    expected = torch.einsum("bhqk,bkhd->bqhd", dense, v.view(2, 3, 2, 4)).flatten(0, 1)
    torch.testing.assert_close(by_loops(q, k, v, where, where, False), expected)
