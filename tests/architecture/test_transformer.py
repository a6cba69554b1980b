"""Figure 1 as a whole, against NumPy in float64, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.architecture import DecodingCache, Transformer, TransformerConfig
from aat_plugin.conformance import reference as oracles

PAD = 1


def parameters_of(model):
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def sentences(lengths, seed=0):
    """Random ids above the special symbols, one list for each length."""
    generator = np.random.default_rng(seed)
    return [generator.integers(4, 19, size=length).tolist() for length in lengths]


def batch(rows, left=False):
    width = max(map(len, rows))
    pad = [[PAD] * (width - len(row)) for row in rows]
    return torch.tensor([p + row if left else row + p for p, row in zip(pad, rows, strict=True)])


VARIANTS = {
    "tied": {},
    "untied": {"share_all_embeddings": False, "share_decoder_input_output_embed": False},
    "partly tied": {"share_all_embeddings": False},
    "learned positions": {"learned_positions": True},
    "positions from 5": {"first_position": 5},
    "pre-norm": {"normalize_before": True},
    "a last norm after post-norm": {"final_norm": "always"},
    "pre-norm without a last norm": {"normalize_before": True, "final_norm": "never"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_whole_forward_equals_numpy_in_float64(make_config, make_model, dialect, variant):
    config = make_config(dialect, **VARIANTS[variant])
    model = make_model(config)
    sources, targets = sentences([3, 7, 5], 1), sentences([6, 2, 4], 2)
    logits, _ = model(batch(sources), None, batch(targets))
    assert logits.dtype == torch.float64
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        expected = oracles.transformer(parameters_of(model), config, source, target)
        np.testing.assert_allclose(logits[row, : len(target)].detach().numpy(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("left_source", [False, True])
@pytest.mark.parametrize("left_target", [False, True])
def test_padding_on_either_side_changes_no_real_position(make_config, make_model, dialect, left_source, left_target):
    model = make_model(make_config(dialect))
    sources, targets = sentences([3, 8], 3), sentences([7, 2], 4)
    logits, _ = model(batch(sources, left_source), None, batch(targets, left_target))
    assert torch.isfinite(logits).all()
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        alone, _ = model(torch.tensor([source]), None, torch.tensor([target]))
        real = logits[row, -len(target) :] if left_target else logits[row, : len(target)]
        torch.testing.assert_close(real, alone[0], rtol=0, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(2, 8))
def test_no_position_sees_a_later_target(seed, cut, length):
    torch.manual_seed(seed)
    config = TransformerConfig(19, 19, 2, 12, 20, 3, 5, 7)
    model = Transformer(config).double().eval()
    cut = min(cut, length - 1)
    source, first, second = (torch.randint(4, 19, (1, length)) for _ in range(3))
    second[:, :cut] = first[:, :cut]
    one, _ = model(source, None, first)
    two, _ = model(source, None, second)
    torch.testing.assert_close(one[:, :cut], two[:, :cut], rtol=0, atol=0)


def test_without_positions_the_encoder_is_equivariant_to_order(make_config, make_model):
    model = make_model(make_config())
    source = torch.tensor(sentences([6], 5))
    model.encoder.embed_positions.forward = lambda numbers, limit, like: torch.zeros_like(like)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    forwards = model.encode(source).memory
    permuted = model.encode(source[:, order]).memory
    torch.testing.assert_close(forwards[:, order], permuted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunks", [[1, 1, 1, 1, 1, 1], [3, 1, 2], [6]])
def test_incremental_decoding_equals_the_full_forward(make_config, make_model, dialect, chunks):
    model = make_model(make_config(dialect))
    source, target = batch(sentences([3, 7], 6)), batch(sentences([6, 6], 7))
    full, _ = model(source, None, target)
    memory, cache, pieces, upto = model.encode(source), DecodingCache(2), [], 0
    for chunk in chunks:
        upto += chunk
        features, weights = model.decoder.decode(target[:, :upto], memory, cache)
        assert features.size(1) == chunk
        assert weights.shape == (2, 3, chunk, 7)
        pieces.append(model.decoder.output_projection(features))
    torch.testing.assert_close(torch.cat(pieces, dim=1), full, rtol=0, atol=1e-12)


def test_a_reordered_cache_continues_the_rows_it_was_given(make_config, make_model):
    model = make_model(make_config())
    source, target = batch(sentences([4, 4, 4], 8)), batch(sentences([5, 5, 5], 9))
    memory, cache, rows = model.encode(source), DecodingCache(2), torch.tensor([2, 0, 2, 1])
    model.decoder.decode(target[:, :3], memory, cache)
    cache.reorder(rows)
    features, _ = model.decoder.decode(target[rows, :4], memory.select(rows), cache)
    expected, _ = model.decoder.decode(target[rows, :4], memory.select(rows))
    torch.testing.assert_close(features, expected[:, 3:], rtol=0, atol=1e-12)


def test_gradients_equal_finite_differences(make_config, make_model):
    model = make_model(make_config(share_all_embeddings=True))
    source, target = batch(sentences([3, 2], 10)), batch(sentences([2, 3], 11))

    def total() -> torch.Tensor:
        logits, _ = model(source, None, target)
        return logits[target.ne(PAD)].log_softmax(-1).square().mean()

    total().backward()
    generator = np.random.default_rng(0)
    for name, parameter in model.named_parameters():
        index = tuple(int(generator.integers(size)) for size in parameter.shape)
        if name.endswith("embed_tokens.weight"):
            index = (int(source[0, 0]), index[1])
        step = 1e-6
        with torch.no_grad():
            parameter[index] += step
            above = total()
            parameter[index] -= 2 * step
            below = total()
            parameter[index] += step
        assert float((above - below) / (2 * step)) == pytest.approx(float(parameter.grad[index]), rel=1e-5, abs=1e-9)


def test_dropout_acts_in_training_only_and_in_its_two_places(make_config):
    config = make_config(dropout=0.5)
    model = Transformer(config).double()
    source, target = batch(sentences([5], 12)), batch(sentences([4], 13))
    model.eval()
    one, _ = model(source, None, target)
    assert torch.equal(one, model(source, None, target)[0])
    model.train()
    calls = []
    original = torch.nn.functional.dropout

    def counted(x, p=0.5, training=True, inplace=False):
        calls.append((tuple(x.shape), p, training))
        return original(x, p, training, inplace)

    torch.nn.functional.dropout = counted
    try:
        two, _ = model(source, None, target)
    finally:
        torch.nn.functional.dropout = original
    assert not torch.equal(one, two)
    active = [call for call in calls if call[2] and call[1] > 0]
    # One embedding sum a stack, two sub-layers an encoder layer, three a decoder layer (Section 5.4).
    assert len(active) == 2 + 2 * config.num_layers + 3 * config.num_layers
    assert {call[1] for call in active} == {0.5}


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


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (dict(num_layers=6, d_model=512, d_ff=2048, num_heads=8, d_k=64, d_v=64), 63_045_632),
        (dict(num_layers=6, d_model=1024, d_ff=4096, num_heads=16, d_k=64, d_v=64), 214_171_648),
    ],
    ids=["base", "big"],
)
def test_parameters_are_the_exact_integers_at_37000_types(sizes, expected):
    with torch.device("meta"):
        model = Transformer(TransformerConfig(37_000, 37_000, **sizes))
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_half_precision_forward_stays_close_to_float64(make_config, make_model):
    model = make_model(make_config())
    source, target = batch(sentences([3, 7], 16)), batch(sentences([5, 5], 17))
    exact, _ = model(source, None, target)
    rough, _ = model.bfloat16()(source, None, target)
    assert rough.dtype == torch.bfloat16
    assert (rough.double() - exact).abs().mean() < 0.05 * exact.abs().mean()
