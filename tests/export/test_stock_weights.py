"""What stock fairseq's own Transformer computes from a model of ours."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from travelling import batch, build_stock, logits, our_model

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.export.stock_weights import EXPRESSED, position_rows, reasons_against, to_stock

EXPRESSIBLE = {"layer_norm_eps": 1e-5}


def in_stock(config, model):
    """The stock model, built and loaded by fairseq's own code."""
    assert reasons_against(config) == []
    stock = to_stock(config, dict(model.state_dict()))
    built = build_stock(dict(stock.options))
    built.load_state_dict(dict(stock.weights), strict=True)
    return built.eval(), stock


def test_each_conventions_model_has_the_same_logits_in_stock_fairseq(dialect):
    model, config, _ = our_model(dialect, **EXPRESSIBLE)
    stock, _ = in_stock(config, model)
    for seed in range(3):
        source, target = batch(seed=seed)
        torch.testing.assert_close(logits(stock, source, target), logits(model, source, target), rtol=0, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    dialect=st.sampled_from(["paper", "t2t_release", "t2t_head", "fairseq"]),
    layout=st.sampled_from(["interleaved", "halves"]),
    frequencies=st.sampled_from(["paper", "t2t"]),
    first=st.integers(0, 4),
    pre_norm=st.booleans(),
    never=st.booleans(),
    bias=st.booleans(),
    learned=st.booleans(),
    start=st.sampled_from(["eos", "zero"]),
    space=st.booleans(),
    sharing=st.sampled_from([(True, True), (False, True), (False, False)]),
    seed=st.integers(0, 1000),
)
def test_every_choice_that_stock_can_express_has_the_same_logits(
    dialect, layout, frequencies, first, pre_norm, never, bias, learned, start, space, sharing, seed
):
    torch.manual_seed(seed)
    model, config, _ = our_model(
        dialect,
        **EXPRESSIBLE,
        position_layout=layout,
        position_frequencies=frequencies,
        first_position=first,
        normalize_before=str(pre_norm),
        final_norm="never" if never else "with_pre_norm",
        attention_bias=str(bias),
        learned_positions=str(learned).lower(),
        decoder_start=start,
        target_space_embedding=str(space),
        share_all_embeddings=str(sharing[0]).lower(),
        share_decoder_input_output_embed=str(sharing[1]).lower(),
    )
    stock, _ = in_stock(config, model)
    source, target = batch(seed=seed)
    # In float64: without a final norm the logits are large, and float32 alone would round them by more than 1e-5.
    there, here = logits(stock.double(), source, target), logits(model.double(), source, target)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-5)


def test_the_padding_may_be_on_either_side():
    model, config, _ = our_model()
    stock, _ = in_stock(config, model)
    source, target = batch()
    right = torch.stack([torch.cat([row[row.ne(1)], row[row.eq(1)]]) for row in source])
    torch.testing.assert_close(logits(stock, right, target), logits(model, source, target), rtol=0, atol=1e-5)


def test_sentences_may_be_as_long_as_the_model_says():
    model, config, _ = our_model()
    stock, _ = in_stock(config, model)
    longest = config.max_source_positions
    source = torch.cat([torch.randint(4, 19, (1, longest - 1)), torch.tensor([[2]])], dim=1)
    target = torch.cat([torch.tensor([[2]]), torch.randint(4, 19, (1, longest - 1))], dim=1)
    torch.testing.assert_close(logits(stock, source, target), logits(model, source, target), rtol=0, atol=1e-5)
    assert stock.max_positions() == (longest, longest)


def test_stocks_own_sinusoids_are_used_where_they_are_ours():
    model, config, _ = our_model("fairseq")
    _, stock = in_stock(config, model)
    assert not stock.options["encoder_learned_pos"]
    assert not stock.options["decoder_learned_pos"]
    assert "encoder.embed_positions.weight" not in stock.weights


def test_only_the_side_that_needs_a_table_gets_one():
    model, config, _ = our_model("fairseq", decoder_start="zero")
    _, stock = in_stock(config, model)
    assert (stock.options["encoder_learned_pos"], stock.options["decoder_learned_pos"]) == (False, True)


def test_the_tables_rows_are_the_papers_sinusoids_behind_the_padding():
    model, config, _ = our_model()
    table = to_stock(config, dict(model.state_dict())).weights["encoder.embed_positions.weight"]
    assert table.shape == (config.max_source_positions + 2, config.d_model)
    assert not table[:2].any()
    for position in (0, 1, 7):
        for pair in range(config.d_model // 2):
            angle = torch.tensor(position / 10000 ** (2 * pair / config.d_model), dtype=torch.float64)
            assert table[2 + position, 2 * pair].item() == pytest.approx(angle.sin().item(), abs=1e-7)
            assert table[2 + position, 2 * pair + 1].item() == pytest.approx(angle.cos().item(), abs=1e-7)


def test_tied_weights_stay_one_tensor():
    model, config, _ = our_model()
    weights = model.state_dict()
    shared = weights["encoder.embed_tokens.weight"]
    weights = {name: shared if tensor.data_ptr() == shared.data_ptr() else tensor for name, tensor in weights.items()}
    stock = to_stock(config, weights).weights
    assert stock["decoder.output_projection.weight"] is stock["encoder.embed_tokens.weight"]


def test_all_reasons_are_given_at_once():
    _, config, _ = our_model("t2t_head", d_k=4, d_v=12, final_norm="always", normalize_before="false")
    reasons = reasons_against(config)
    assert [reason.partition("=")[0] for reason in reasons] == ["d_k", "d_v", "layer_norm_eps", "final_norm"]
    assert "8 wide" in reasons[0]


def test_an_option_that_nobody_taught_the_exporter_is_a_reason():
    @dataclasses.dataclass(frozen=True)
    class Later(TransformerConfig):
        something_new: bool = False

    _, config, _ = our_model()
    later = Later(**{**dataclasses.asdict(config), "something_new": True})
    assert ["something_new" in reason for reason in reasons_against(later)] == [True]
    assert reasons_against(Later(**dataclasses.asdict(config))) == []


def test_restricted_attention_is_a_reason():
    _, config, _ = our_model(restricted_attention=3)
    assert "restricted_attention=3" in reasons_against(config)[0]


def test_a_table_that_would_fill_the_memory_is_a_reason():
    _, config, _ = our_model(max_source_positions=10**12)
    assert "max_source_positions" in reasons_against(config)[0]


def test_the_exporter_knows_only_options_that_exist():
    assert {field.name for field in dataclasses.fields(TransformerConfig)} >= EXPRESSED


def test_position_rows_hold_the_target_space():
    model, config, _ = our_model("t2t_release")
    weights = dict(model.state_dict())
    plain = position_rows(dataclasses.replace(config, target_space_embedding=False), weights, "encoder")
    rows = position_rows(config, weights, "encoder")
    row = model.state_dict()["encoder.target_space.weight"][0]
    torch.testing.assert_close(rows - plain, row.expand_as(rows), rtol=0, atol=1e-6)
