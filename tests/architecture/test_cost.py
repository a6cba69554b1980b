"""The counts against models that are built and counted, and against the paper's arithmetic."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.architecture.cost import operations, parameters
from aat_plugin.architecture.masks import key_padding_mask
from aat_plugin.conventions import DIALECTS, resolve
from aat_plugin.results.table3 import VARIATIONS

UNTIED = [
    {}, {"share_all_embeddings": False},
    {"share_all_embeddings": False, "share_decoder_input_output_embed": False, "source_vocabulary": 23},
    {"normalize_before": True}, {"final_norm": "always"}, {"learned_positions": True, "first_position": 2},
]


def built(config: TransformerConfig) -> int:
    """How many numbers the model itself holds; parameters() names a shared tensor once."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Transformer(config).parameters())


@pytest.mark.parametrize("given", UNTIED, ids=str)
def test_the_formula_equals_the_built_model_in_every_dialect(make_config, dialect, given):
    config = make_config(dialect, **given)
    assert parameters(config).total == built(config)


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_each_row_of_table_3_equals_the_built_model(variation):
    sizes = variation.sizes
    for name, vocabulary in (("paper", 37_000), ("t2t_release", 40_960)):
        config = TransformerConfig(
            vocabulary, vocabulary, num_layers=sizes.num_layers, d_model=sizes.d_model, d_ff=sizes.d_ff,
            num_heads=sizes.num_heads, d_k=sizes.d_k, d_v=sizes.d_v, learned_positions=sizes.learned_positions,
            **resolve(name, "model", {}),
        )
        assert parameters(config).total == built(config)


def test_the_parts_are_the_papers_formula():
    # N (3 A + 2 F) + V d, with A = 2 d h d_k + 2 d h d_v and F = 2 d d_ff; d_k and d_v differ, so neither hides.
    config = TransformerConfig(37_000, 37_000, d_k=16, d_v=64)
    count = parameters(config)
    assert count.attention == 6 * 3 * (2 * 512 * 8 * 16 + 2 * 512 * 8 * 64)
    assert count.feed_forward == 6 * 2 * (2 * 512 * 2048 + 2048 + 512)
    assert (count.norms, count.embeddings, count.positions) == (6 * 5 * 2 * 512, 37_000 * 512, 0)


@pytest.mark.parametrize(
    ("sizes", "vocabulary", "matrices", "attention", "update"),
    # Recomputed from the formula at 25,000 + 25,000 tokens and sentences of 30.
    [
        ({}, 37_000, 3.149e12, 2.77e10, 9.531e12),
        ({}, 40_960, 3.251e12, 2.77e10, 9.835e12),
        (dict(d_model=1024, d_ff=4096, num_heads=16), 37_000, 1.070e13, 5.53e10, 3.227e13),
        (dict(d_model=1024, d_ff=4096, num_heads=16), 40_960, 1.091e13, 5.53e10, 3.288e13),
    ],
)
def test_an_updates_operations_at_the_papers_batch(sizes, vocabulary, matrices, attention, update):
    cost = operations(TransformerConfig(vocabulary, vocabulary, **sizes), 25_000, 25_000, 30)
    assert (cost.matrices, cost.attention) == (pytest.approx(matrices, rel=1e-3), pytest.approx(attention, rel=2e-3))
    assert cost.update == pytest.approx(update, rel=1e-3)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_forward_operations_are_those_that_torch_counts(make_config, name):
    from torch.utils.flop_counter import FlopCounterMode

    config = make_config(name, d_k=5, d_v=7)
    model, source, target = Transformer(config).eval(), torch.randint(4, 19, (3, 9)), torch.randint(4, 19, (3, 9))
    with FlopCounterMode(display=False) as counter:
        model(source, None, target)
    expected = operations(config, 27, 27, 9)
    assert key_padding_mask(source.eq(1)).sum() == 0, "no padding: every computed place is a token"
    assert counter.get_total_flops() == expected.matrices + expected.attention


def test_counting_needs_no_torch():
    code = (
        "import sys; from aat_plugin.architecture.cost import parameters; "
        "from aat_plugin.architecture import TransformerConfig; from aat_plugin.results import table3; "
        "assert parameters(TransformerConfig(37000, 37000)).total == 63045632; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_restricted_attention_costs_r_keys_a_query_and_no_parameters(make_config):
    whole, near = make_config(), make_config(restricted_attention=3)
    assert parameters(near) == parameters(whole)
    a_key = operations(whole, 10, 10, 1).attention / 30  # three attentions with 10 queries each
    assert operations(near, 10, 10, 8).attention == pytest.approx(a_key * (10 * 3 + 10 * 3 + 10 * 8))
    assert operations(near, 10, 10, 2).attention == operations(whole, 10, 10, 2).attention, "shorter than r"
