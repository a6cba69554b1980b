"""How parameters start, by moments: both dialects are uniform with a known bound."""

from __future__ import annotations

import math

import pytest
import torch

from aat_plugin.architecture import Transformer


def bound(tensor):
    return tensor.detach().abs().max().item()


def glorot(rows, columns, gain=1.0):
    return gain * math.sqrt(6 / (rows + columns))


@pytest.fixture
def wide(make_config):
    def build(**overrides):
        sizes = dict(d_model=64, d_ff=96, num_heads=4, d_k=8, d_v=24, num_layers=1)
        return Transformer(make_config(**{**sizes, **overrides}))

    return build


def test_glorot_is_uniform_over_fan_in_plus_fan_out_with_zero_biases(wide):
    layer = wide(initialization="glorot", attention_bias=True).decoder.layers[0]
    for linear in (layer.self_attn.q_proj, layer.encoder_attn.v_proj, layer.self_attn.out_proj, layer.fc1, layer.fc2):
        expected = glorot(*linear.weight.shape)
        assert 0.98 * expected < bound(linear.weight) <= expected
        assert bound(linear.bias) == 0.0


def test_fairseq_scales_q_k_v_by_one_over_root_two_and_leaves_the_feed_forward_to_torch(wide):
    layer = wide(initialization="fairseq", attention_bias=True).decoder.layers[0]
    for linear in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.encoder_attn.v_proj):
        expected = glorot(*linear.weight.shape, gain=1 / math.sqrt(2))
        assert 0.98 * expected < bound(linear.weight) <= expected
    assert bound(layer.self_attn.out_proj.bias) == 0.0
    assert 0.98 / math.sqrt(64) < bound(layer.fc1.weight) <= 1 / math.sqrt(64)


def test_joined_takes_the_fan_of_what_tensor2tensors_release_projected_together(wide):
    """heads · d_k = 32, heads · d_v = 96: Q, K, V of self-attention have 160 rows, K, V over the source 128."""
    layer = wide(initialization="joined").decoder.layers[0]
    for linear in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
        assert 0.98 * glorot(160, 64) < bound(linear.weight) <= glorot(160, 64)
    for linear in (layer.encoder_attn.k_proj, layer.encoder_attn.v_proj):
        assert 0.98 * glorot(128, 64) < bound(linear.weight) <= glorot(128, 64)
    for linear in (layer.encoder_attn.q_proj, layer.self_attn.out_proj, layer.fc1, layer.fc2):
        expected = glorot(*linear.weight.shape)
        assert 0.98 * expected < bound(linear.weight) <= expected


@pytest.mark.parametrize("initialization", ["glorot", "joined", "fairseq"])
def test_embeddings_and_an_untied_projection_are_normal_with_a_zero_padding_row(wide, initialization):
    untied = dict(share_all_embeddings=False, share_decoder_input_output_embed=False)
    model = wide(initialization=initialization, source_vocabulary=3000, target_vocabulary=3000, **untied)
    tables = (model.encoder.embed_tokens, model.decoder.embed_tokens, model.decoder.output_projection)
    for table in tables:
        assert table.weight.std().item() == pytest.approx(64**-0.5, rel=0.02)
    assert not torch.equal(tables[1].weight, tables[2].weight)
    assert bound(model.encoder.embed_tokens.weight[1]) == 0.0


def test_tied_matrices_are_one_tensor(wide):
    model = wide()
    assert model.encoder.embed_tokens.weight is model.decoder.embed_tokens.weight
    assert model.decoder.output_projection.weight is model.decoder.embed_tokens.weight
    partly = wide(share_all_embeddings=False)
    assert partly.encoder.embed_tokens.weight is not partly.decoder.embed_tokens.weight
    assert partly.decoder.output_projection.weight is partly.decoder.embed_tokens.weight
