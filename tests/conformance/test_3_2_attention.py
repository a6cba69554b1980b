"""Section 3.2 against NumPy, one head, query and key at a time; padding, and the cache of decoding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from compared import hold, of_section
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.architecture import DecodingCache
from aat_plugin.architecture.attention import MultiHeadAttention, scaled_dot_product_attention
from aat_plugin.conformance import reference
from aat_plugin.conformance.section_3 import padded, sentence


def sentences(lengths):
    """Random ids above the special symbols, one list for each length."""
    return [sentence(length) for length in lengths]


@pytest.mark.parametrize("comparison", of_section("3.2.1", "3.2.2", "3.2.3"))
def test_attention_is_the_papers(comparison):
    hold(comparison)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000), st.booleans()
)
def test_eq_1_equals_plain_loops(tgt_len, src_len, d_k, d_v, seed, masked):
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (
        torch.randn(1, 1, length, width, generator=generator, dtype=torch.float64)
        for length, width in ((tgt_len, d_k), (src_len, d_k), (src_len, d_v))
    )
    mask = torch.rand(tgt_len, src_len, generator=generator) < (0.5 if masked else 0.0)
    mask[:, 0] = False
    out, weights = scaled_dot_product_attention(query, key, value, mask)
    expected = reference.attention(query[0, 0].numpy(), key[0, 0].numpy(), value[0, 0].numpy(), ~mask.numpy())
    np.testing.assert_allclose(out[0, 0].numpy(), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 1, tgt_len, dtype=torch.float64))
    assert not weights[0, 0][mask].any()


@pytest.mark.parametrize(("d_k", "d_v", "bias"), [(4, 4, False), (2, 7, True), (9, 3, False)])
def test_multi_head_attention_with_its_own_d_k_and_d_v(d_k, d_v, bias):
    module = MultiHeadAttention(10, 3, d_k, d_v, bias=bias, dropout=0.0).double()
    x, memory = torch.randn(2, 4, 10).double(), torch.randn(2, 6, 10).double()
    out, weights = module(x, *module.project_memory(memory), None)
    parameters = {f"a.{name}": tensor.detach().numpy() for name, tensor in module.state_dict().items()}
    for row in range(2):
        expected = reference.multi_head(
            parameters, "a", x[row].numpy(), memory[row].numpy(), np.ones((4, 6), dtype=bool), 3
        )
        np.testing.assert_allclose(out[row].detach().numpy(), expected, rtol=0, atol=1e-12)
    assert weights.shape == (2, 3, 4, 6)


def test_scores_of_unit_variance_have_unit_variance_whatever_d_k():
    # The footnote of Section 3.2.1: without the scale the variance would be d_k.
    for d_k in (4, 64, 256):
        query, key = torch.randn(1, 1, 400, d_k), torch.randn(1, 1, 400, d_k)
        scores = (query @ key.transpose(-2, -1)) / d_k**0.5
        assert scores.var().item() == pytest.approx(1.0, rel=0.1)
        _, weights = scaled_dot_product_attention(query, key, key, None)
        torch.testing.assert_close(weights, scores.softmax(-1), rtol=1e-4, atol=1e-6)


def test_attention_dropout_acts_on_the_weights_in_training_only():
    module = MultiHeadAttention(8, 2, 4, 4, bias=False, dropout=0.5)
    x = torch.randn(1, 5, 8)
    module.eval()
    assert torch.equal(module(x, *module.project_memory(x), None)[0], module(x, *module.project_memory(x), None)[0])
    module.train()
    one, kept = module(x, *module.project_memory(x), None)
    assert not torch.equal(one, module(x, *module.project_memory(x), None)[0])
    torch.testing.assert_close(kept.sum(-1), torch.ones(1, 2, 5))


@pytest.mark.parametrize("left_source", [False, True])
@pytest.mark.parametrize("left_target", [False, True])
def test_padding_on_either_side_changes_no_real_position(make_config, make_model, dialect, left_source, left_target):
    model = make_model(make_config(dialect))
    sources, targets = sentences([3, 8]), sentences([7, 2])
    logits, _ = model(padded(sources, left_source), None, padded(targets, left_target))
    assert torch.isfinite(logits).all()
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        alone, _ = model(torch.tensor([source]), None, torch.tensor([target]))
        real = logits[row, -len(target) :] if left_target else logits[row, : len(target)]
        torch.testing.assert_close(real, alone[0], rtol=0, atol=1e-12)


def test_without_positions_the_encoder_is_equivariant_to_order(make_config, make_model):
    model = make_model(make_config())
    source = torch.tensor(sentences([6]))
    model.encoder.embed_positions.forward = lambda numbers, limit, like: torch.zeros_like(like)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    forwards = model.encode(source).memory
    permuted = model.encode(source[:, order]).memory
    torch.testing.assert_close(forwards[:, order], permuted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunks", [[1, 1, 1, 1, 1, 1], [3, 1, 2], [6]])
def test_incremental_decoding_equals_the_full_forward(make_config, make_model, dialect, chunks):
    model = make_model(make_config(dialect))
    source, target = padded(sentences([3, 7])), padded(sentences([6, 6]))
    full, _ = model(source, None, target)
    memory, cache, pieces, upto = model.encode(source), DecodingCache(2), [], 0
    for chunk in chunks:
        upto += chunk
        features, weights = model.decoder.decode(target[:, :upto], memory, cache)
        assert features.size(1) == chunk
        assert weights.shape == (2, 3, chunk, 7)
        pieces.append(model.decoder.output_projection(features))
    torch.testing.assert_close(torch.cat(pieces, dim=1), full, rtol=0, atol=1e-12)
