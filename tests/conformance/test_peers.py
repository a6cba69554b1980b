"""Peers as oracles: the same weights in torch.nn.Transformer and in stock fairseq's model give the same outputs.

The trainings of ours and stock fairseq's are held against each other in tests/fairseq/test_trajectory.py, scores
against sacrebleu and searches against ctranslate2 where those are used.
"""

from __future__ import annotations

import math
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary
from fairseq.models.transformer import TransformerModel, base_architecture

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.conformance import reference
from aat_plugin.conformance.section_3 import PAD, padded, randomised, sentence
from aat_plugin.conventions import resolve

SIZES = dict(num_layers=2, d_model=12, d_ff=20, num_heads=3, d_k=4, d_v=4, dropout=0.0, max_source_positions=40,
             max_target_positions=40)  # fmt: skip


def torchs(ours: Transformer, config: TransformerConfig) -> torch.nn.Transformer:
    """torch.nn.Transformer with our weights; it packs Q, K and V into one matrix and always has a last norm."""
    made = torch.nn.Transformer(
        config.d_model, config.num_heads, config.num_layers, config.num_layers, config.d_ff, dropout=0.0,
        norm_first=config.normalize_before, batch_first=True, layer_norm_eps=config.layer_norm_eps,
    )  # fmt: skip
    attentions = {"self_attn": "self_attn", "encoder_attn": "multihead_attn"}
    state, theirs = ours.state_dict(), {}
    norms = {"encoder": ("self_attn", "final"), "decoder": ("self_attn", "encoder_attn", "final")}
    for side, of_side in norms.items():
        for n in range(config.num_layers):
            layer = f"{side}.layers.{n}"
            for kind in ("weight", "bias"):
                for attention in of_side[:-1]:
                    name = attentions[attention]
                    packed = [state[f"{layer}.{attention}.{part}_proj.{kind}"] for part in "qkv"]
                    theirs[f"{layer}.{name}.in_proj_{kind}"] = torch.cat(packed)
                    theirs[f"{layer}.{name}.out_proj.{kind}"] = state[f"{layer}.{attention}.out_proj.{kind}"]
                for number, norm in enumerate(of_side, start=1):
                    theirs[f"{layer}.norm{number}.{kind}"] = state[f"{layer}.{norm}_layer_norm.{kind}"]
                for number in (1, 2):
                    theirs[f"{layer}.linear{number}.{kind}"] = state[f"{layer}.fc{number}.{kind}"]
        for kind in ("weight", "bias"):
            theirs[f"{side}.norm.{kind}"] = state[f"{side}.layer_norm.{kind}"]
    made.double().load_state_dict(theirs)
    return made.eval()


@pytest.mark.parametrize("before", [False, True], ids=["post-norm", "pre-norm"])
def test_torchs_transformer_computes_the_same_from_the_same_embeddings(before):
    config = TransformerConfig(19, 19, **SIZES, attention_bias=True, normalize_before=before, final_norm="always")
    ours = randomised(Transformer(config))
    theirs = torchs(ours, config)
    source, target = padded([sentence(4), sentence(7)]), padded([sentence(6), sentence(3)])
    hidden = [tokens.eq(PAD) for tokens in (source, target)]

    def embedded(tokens: torch.Tensor) -> torch.Tensor:
        rows = ours.encoder.embed_tokens.weight[tokens] * math.sqrt(12)
        return rows + torch.tensor(np.stack([reference.position(pos, 12) for pos in range(tokens.size(1))]))

    expected = theirs(
        embedded(source), embedded(target), tgt_mask=torch.ones(6, 6).triu(1).bool(), tgt_is_causal=True,
        src_key_padding_mask=hidden[0], memory_key_padding_mask=hidden[0], tgt_key_padding_mask=hidden[1],
    )  # fmt: skip
    found, _ = ours.decoder.decode(target, ours.encode(source))
    torch.testing.assert_close(found[~hidden[1]], expected[~hidden[1]], rtol=0, atol=1e-12)


def stocks(ours: Transformer, config: TransformerConfig) -> TransformerModel:
    """Stock fairseq's `transformer` with our weights, loaded by name: the names are the same."""
    dictionary = Dictionary()
    for number in range(config.source_vocabulary - len(dictionary)):
        dictionary.add_symbol(f"w{number}")
    args = Namespace(share_all_embeddings=config.share_all_embeddings, dropout=0.0,
                     share_decoder_input_output_embed=config.share_decoder_input_output_embed,
                     max_source_positions=40, max_target_positions=40)  # fmt: skip
    for side in ("encoder", "decoder"):
        stated = dict(layers=config.num_layers, embed_dim=config.d_model, ffn_embed_dim=config.d_ff,
                      attention_heads=config.num_heads, normalize_before=config.normalize_before,
                      learned_pos=config.learned_positions)  # fmt: skip
        for name, value in stated.items():
            setattr(args, f"{side}_{name}", value)
    base_architecture(args)
    task = SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    made = TransformerModel.build_model(args, task)
    # Without its version stock takes a file for one of 2017 and leaves the last norms out.
    versions = {f"{side}.version": torch.tensor([3.0]) for side in ("encoder", "decoder")}
    missing, unexpected = made.load_state_dict({**ours.state_dict(), **versions}, strict=False)
    assert set(unexpected) <= set(versions)
    assert all(name.endswith(("version", "_float_tensor")) for name in missing), missing
    return made.eval()


@pytest.mark.parametrize(
    "given",
    [{}, {"normalize_before": True}, {"learned_positions": True},
     {"share_all_embeddings": False, "share_decoder_input_output_embed": False}],
    ids=["tied", "pre-norm", "learned positions", "untied"],
)  # fmt: skip
@pytest.mark.parametrize("left", [True, False], ids=["left-padded source", "right-padded source"])
def test_stock_fairseqs_transformer_computes_the_same_under_convention_fairseq(given, left):
    config = TransformerConfig(19, 19, **{**SIZES, **resolve("fairseq", "model", {}), **given})
    ours = randomised(Transformer(config)).float()
    with torch.no_grad():
        for table in {ours.encoder.embed_tokens, ours.decoder.embed_tokens}:
            table.weight[PAD] = 0.0  # both keep it so in training
    theirs = stocks(ours, config)
    rows = [sentence(4), sentence(7)]
    source, target = padded(rows, left), padded([[2, *sentence(6)], [2, *sentence(3)]])
    expected, extra = theirs(source, torch.tensor([4, 7]), target)
    found, weights = ours(source, None, target)
    real = target.ne(PAD)
    torch.testing.assert_close(found[real], expected[real], rtol=0, atol=2e-5)
    attention = weights.mean(dim=1)
    torch.testing.assert_close(attention[real], extra["attn"][0][real], rtol=0, atol=1e-6)
