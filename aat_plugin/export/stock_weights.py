"""A model of ours in stock fairseq's words: which options, which weights, and what stock cannot say.

The names of the weights are the same. What differs is folded into what stock has:

- Sinusoids that stock does not have (interleaved, the paper's frequencies, counted from 0) become its *learned*
  positions, whose table holds them. Stock's row padding_idx + 1 + i belongs to a sentence's token i.
- tensor2tensor's target-space row is added at every place of the source: it goes into that table.
- tensor2tensor's zero start: the decoder's first token is always the end symbol, so the table's first row is the first
  position less that embedding, and their sum is what ours computes.
- Projections without biases get zero ones.
- Pre-norm without a final norm is what stock's checkpoints of version 1 mean.

Sections 3.1, 3.4, 3.5. Read `to_fairseq` next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.positional_encoding import sinusoids
from aat_plugin.export.reasons import unknown_choices

TARGET = "stock fairseq"
STOCK_EPS = 1e-5
"""torch's default, and stock fairseq has no option for another."""
MOST_ROWS = 2**20
"""Of a table of positions; more is a damaged file, and would fill the memory."""
ATTENTIONS = {"encoder": ("self_attn",), "decoder": ("self_attn", "encoder_attn")}
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")

EXPRESSED = frozenset({
    "source_vocabulary", "target_vocabulary", "num_layers", "d_model", "d_ff", "num_heads", "d_k", "d_v", "dropout",
    "attention_dropout", "activation_dropout", "share_all_embeddings", "share_decoder_input_output_embed",
    "padding_idx", "max_source_positions", "max_target_positions", "learned_positions", "normalize_before",
    "final_norm", "attention_bias", "position_layout", "position_frequencies", "first_position", "layer_norm_eps",
    "initialization", "decoder_start", "target_space_embedding",
})  # fmt: skip
"""The options that the functions below know of."""


@dataclass(frozen=True)
class StockModel:
    """A stock `transformer`.

    Attributes:
        options: its options, flat, as `--arch transformer` has them.
        weights: name → tensor, as its `load_state_dict` takes them.
    """

    options: dict[str, Any]
    weights: dict[str, Tensor]


def reasons_against(config: TransformerConfig) -> list[str]:
    """Every reason why stock fairseq has no such model; empty where it has one."""
    reasons = unknown_choices(config, EXPRESSED, TARGET)
    width = config.d_model / config.num_heads
    for name in ("d_k", "d_v"):
        if getattr(config, name) != width:
            reasons.append(f"{name}={getattr(config, name)}: stock's heads are d_model/num_heads = {width:g} wide")
    if config.layer_norm_eps != STOCK_EPS:
        reasons.append(f"layer_norm_eps={config.layer_norm_eps}: stock's is {STOCK_EPS} and has no option")
    for side, name in (("encoder", "max_source_positions"), ("decoder", "max_target_positions")):
        if getattr(config, name) > MOST_ROWS and _needs_table(config, side):
            reasons.append(f"{name}={getattr(config, name)}: a table of positions has at most {MOST_ROWS} rows here")
    if config.has_final_norm and not config.normalize_before:
        reasons.append(f"final_norm={config.final_norm} with post-norm: stock has a final norm with pre-norm only")
    return reasons


def to_stock(config: TransformerConfig, weights: dict[str, Tensor], start_idx: int = 2) -> StockModel:
    """The stock model that computes what ours does; there must be no `reasons_against` it.

    Args:
        config: ours.
        weights: ours, tied names one tensor.
        start_idx: what the decoder reads first; fairseq's end symbol.
    """
    stock = {name: tensor for name, tensor in weights.items() if "embed_positions" not in name}
    stock.pop("encoder.target_space.weight", None)
    learned = {side: _needs_table(config, side) for side in ("encoder", "decoder")}
    for side in ("encoder", "decoder"):
        # Version 3 is stock's current one; before version 2, pre-norm had no final norm.
        bare = config.normalize_before and not config.has_final_norm
        stock[f"{side}.version"] = torch.tensor([1.0 if bare else 3.0])
        if learned[side]:
            stock[f"{side}.embed_positions.weight"] = _table(config, weights, side, start_idx)
        else:
            stock[f"{side}.embed_positions._float_tensor"] = torch.zeros(1)  # fairseq 0.12.2 and older want it
        if not config.attention_bias:
            stock.update(_zero_biases(config, weights, side))
    return StockModel(_options(config, learned), stock)


def _needs_table(config: TransformerConfig, side: str) -> bool:
    """Whether stock's own sinusoids are not what this side adds."""
    if config.learned_positions or (side == "encoder" and config.target_space_embedding):
        return True
    if side == "decoder" and config.decoder_start == "zero":
        return True
    ours = (config.position_layout, config.position_frequencies, config.first_position)
    # With two channels stock's frequencies are 0/0, and an odd width has no pairs.
    return ours != ("halves", "t2t", config.padding_idx + 1) or config.d_model < 4 or config.d_model % 2 == 1


def position_rows(config: TransformerConfig, weights: dict[str, Tensor], side: str) -> Tensor:
    """What `side` adds to its tokens' embeddings, row i to a sentence's token i, (max_positions, d_model), float32.

    tensor2tensor's target space is in it.
    """
    longest = config.max_source_positions if side == "encoder" else config.max_target_positions
    first = config.first_position
    if config.learned_positions:
        rows = weights[f"{side}.embed_positions.weight"][first : first + longest].float()
    else:
        exact = sinusoids(first + longest, config.d_model, config.position_layout, config.position_frequencies)
        rows = exact[first:].float()
    if side == "encoder" and config.target_space_embedding:
        rows = rows + weights["encoder.target_space.weight"][0].float()
    return rows


def _table(config: TransformerConfig, weights: dict[str, Tensor], side: str, start_idx: int) -> Tensor:
    """Stock's learned positions: padding_idx + 1 rows that no token has, then `position_rows`."""
    rows = position_rows(config, weights, side)
    if side == "decoder" and config.decoder_start == "zero":
        start = weights["decoder.embed_tokens.weight"][start_idx].float() * math.sqrt(config.d_model)
        rows = torch.cat([rows[:1] - start, rows[1:]])
    return torch.cat([rows.new_zeros(config.padding_idx + 1, config.d_model), rows])


def _zero_biases(config: TransformerConfig, weights: dict[str, Tensor], side: str) -> dict[str, Tensor]:
    biases = {}
    for layer in range(config.num_layers):
        for attention in ATTENTIONS[side]:
            for projection in PROJECTIONS:
                name = f"{side}.layers.{layer}.{attention}.{projection}"
                matrix = weights[f"{name}.weight"]
                biases[f"{name}.bias"] = matrix.new_zeros(matrix.size(0))
    return biases


def _options(config: TransformerConfig, learned: dict[str, bool]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "_name": "transformer",
        "arch": "transformer",
        "activation_fn": "relu",
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "activation_dropout": config.activation_dropout,
        "share_all_embeddings": config.share_all_embeddings,
        "share_decoder_input_output_embed": config.share_decoder_input_output_embed,
        "max_source_positions": config.max_source_positions,
        "max_target_positions": config.max_target_positions,
        "decoder_input_dim": config.d_model,
        "decoder_output_dim": config.d_model,
    }
    for side in ("encoder", "decoder"):
        options |= {
            f"{side}_embed_dim": config.d_model,
            f"{side}_ffn_embed_dim": config.d_ff,
            f"{side}_layers": config.num_layers,
            f"{side}_attention_heads": config.num_heads,
            f"{side}_normalize_before": config.normalize_before,
            f"{side}_learned_pos": learned[side],
        }
    return options
