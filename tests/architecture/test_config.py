"""A wrong size is named before anything is built."""

from __future__ import annotations

import pytest

from aat_plugin.architecture import TransformerConfig, default_head_width
from aat_plugin.errors import ConfigError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_layers", 0), ("d_model", 0), ("d_model", 13), ("d_k", -1), ("dropout", 1.0), ("dropout", -0.1),
        ("attention_dropout", 2.0), ("layer_norm_eps", 0.0), ("first_position", -1), ("position_layout", "spiral"),
        ("initialization", "zeros"), ("decoder_start", "bos"), ("target_vocabulary", 20), ("restricted_attention", 0),
        ("counted_symbols", (4, 99)), ("share_decoder_input_output_embed", False),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(make_config, field, value):
    word = "share_all_embeddings" if field == "target_vocabulary" else field
    with pytest.raises(ConfigError, match=word) as caught:
        make_config(**{field: value})
    assert "\n" not in str(caught.value)


def test_the_base_model_is_the_default():
    config = TransformerConfig(37_000, 37_000)
    table_3 = (6, 512, 2048, 8, 64, 64, 0.1)
    assert table_3 == (
        config.num_layers, config.d_model, config.d_ff, config.num_heads, config.d_k, config.d_v, config.dropout,
    )


def test_head_width_is_d_model_over_h_or_an_error():
    assert default_head_width(512, 8) == 64
    with pytest.raises(ConfigError, match="d_model=10 is no multiple of num_heads=3"):
        default_head_width(10, 3)
