"""The model's interface: names, the loss inside forward, a reordered cache, half precision.

What it computes is held in tests/conformance/.
"""

from __future__ import annotations

import numpy as np
import torch

from aat_plugin.architecture import DecodingCache, Transformer

PAD = 1


def sentences(lengths, seed=0):
    """Random ids above the special symbols, one list for each length."""
    generator = np.random.default_rng(seed)
    return [generator.integers(4, 19, size=length).tolist() for length in lengths]


def batch(rows):
    width = max(map(len, rows))
    pad = [[PAD] * (width - len(row)) for row in rows]
    return torch.tensor([row + p for p, row in zip(pad, rows, strict=True)])


def test_a_reordered_cache_continues_the_rows_it_was_given(make_config, make_model):
    model = make_model(make_config())
    source, target = batch(sentences([4, 4, 4], 8)), batch(sentences([5, 5, 5], 9))
    memory, cache, rows = model.encode(source), DecodingCache(2), torch.tensor([2, 0, 2, 1])
    model.decoder.decode(target[:, :3], memory, cache)
    cache.reorder(rows)
    features, _ = model.decoder.decode(target[rows, :4], memory.select(rows), cache)
    expected, _ = model.decoder.decode(target[rows, :4], memory.select(rows))
    torch.testing.assert_close(features, expected[:, 3:], rtol=0, atol=1e-12)


def test_the_loss_is_computed_inside_forward_on_the_features(make_config, make_model):
    model = make_model(make_config())
    source, target = batch(sentences([3, 4], 14)), batch(sentences([3, 4], 15))
    logits, _ = model(source, None, target)
    seen = model(source, None, target, target, loss=lambda features, weight, wanted: (features @ weight.T, wanted))
    torch.testing.assert_close(seen[0], logits, rtol=0, atol=1e-12)
    assert seen[1] is target


def test_state_dicts_hold_fairseq_names_and_no_positions(make_config):
    names = set(Transformer(make_config(attention_bias=True)).state_dict())
    attention = {f"{part}_proj.{kind}" for part in "qkv" for kind in ("weight", "bias")} | {
        "out_proj.weight", "out_proj.bias",
    }
    norm = {"weight", "bias"}
    expected = {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight"}
    for n in range(2):
        for stack in ("encoder", "decoder"):
            layer = f"{stack}.layers.{n}"
            expected |= {f"{layer}.self_attn.{name}" for name in attention}
            expected |= {f"{layer}.{fc}.{kind}" for fc in ("fc1", "fc2") for kind in norm}
            expected |= {f"{layer}.{ln}.{kind}" for ln in ("self_attn_layer_norm", "final_layer_norm") for kind in norm}
        expected |= {f"decoder.layers.{n}.encoder_attn.{name}" for name in attention}
        expected |= {f"decoder.layers.{n}.encoder_attn_layer_norm.{kind}" for kind in norm}
    assert names == expected


def test_half_precision_forward_stays_close_to_float64(make_config, make_model):
    model = make_model(make_config())
    source, target = batch(sentences([3, 7], 16)), batch(sentences([5, 5], 17))
    exact, _ = model(source, None, target)
    rough, _ = model.bfloat16()(source, None, target)
    assert rough.dtype == torch.bfloat16
    assert (rough.double() - exact).abs().mean() < 0.05 * exact.abs().mean()
