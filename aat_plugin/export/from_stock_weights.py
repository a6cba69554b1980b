"""A stock `transformer` in our words: which config, which weights, and what ours cannot say.

Ours under `convention=fairseq` is stock's default model, and the names are the same. Stock's older checkpoints differ
in three names, and in whether pre-norm ends with a norm. Read `from_fairseq` next, `stock_weights` for the way there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from aat_plugin import conventions
from aat_plugin.architecture.config import TransformerConfig, default_head_width
from aat_plugin.errors import CheckpointError

TARGET = "the plugin's Transformer"
PADDING_IDX = 1
"""Where fairseq's dictionaries have the padding."""
BUFFERS = re.compile(r"(encoder|decoder)\.(version|embed_positions\.(_float_tensor|weights))")
MERGED = re.compile(r"(.*_attn)\.in_proj_(weight|bias)")
OLD_NORMS = re.compile(r"((encoder|decoder)\.layers\.\d+)\.layer_norms\.(\d)\.(weight|bias)")
NORMS = {
    "encoder": ("self_attn_layer_norm", "final_layer_norm"),
    "decoder": ("self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"),
}

Wanted = tuple[tuple[str, Any, str], ...]

MUST_BE: Wanted = (
    ("activation_fn", "relu", "the paper's feed-forward network (Eq. 2) is a ReLU's"),
    ("layernorm_embedding", False, "ours has no norm on the embeddings"),
    ("adaptive_softmax_cutoff", None, "ours has one softmax"),
    ("adaptive_input", False, "ours has one embedding table a language"),
    ("tie_adaptive_weights", False, "ours has one softmax"),
    ("tie_adaptive_proj", False, "ours has one softmax"),
    ("char_inputs", False, "ours reads symbols"),
    ("encoder_layerdrop", 0, "ours has no LayerDrop"),
    ("decoder_layerdrop", 0, "ours has no LayerDrop"),
    ("encoder_layers_to_keep", None, "ours has no LayerDrop"),
    ("decoder_layers_to_keep", None, "ours has no LayerDrop"),
    ("quant_noise_pq", 0, "ours has no quantization noise"),
    ("quant_noise_scalar", 0, "ours has no quantization noise"),
    ("no_cross_attention", False, "ours attends to the source in each decoder layer"),
    ("cross_self_attention", False, "ours keeps the two attentions apart"),
    ("no_scale_embedding", False, "ours multiplies embeddings by sqrt(d_model) (Section 3.4)"),
    ("no_token_positional_embeddings", False, "ours adds positions (Section 3.5)"),
    ("merge_src_tgt_embed", False, "ours shares embeddings of one joint dictionary only"),
    ("base_layers", 0, "ours has no BASE layers"),
)
"""Option, the one value that ours has, and why."""

SAME_ON_BOTH_SIDES = (
    ("embed_dim", "d_model"), ("ffn_embed_dim", "d_ff"), ("layers", "num_layers"), ("attention_heads", "num_heads"),
    ("normalize_before", "normalize_before"), ("learned_pos", "learned_positions"),
)  # fmt: skip
"""Options that stock has for the encoder and for the decoder, and ours once."""


def reasons_against(options: Mapping[str, Any], weights: Mapping[str, Any]) -> list[str]:
    """Every reason why ours has no such model; empty where it has one.

    Args:
        options: stock's, flat and complete.
        weights: stock's, for the versions of its stacks.
    """
    reasons = [
        f"{name}={options.get(name)!r}: {why}"
        for name, wanted, why in MUST_BE
        if (options.get(name) or wanted) != wanted
    ]
    for stock, ours in SAME_ON_BOTH_SIDES:
        encoder, decoder = options.get(f"encoder_{stock}"), options.get(f"decoder_{stock}")
        if encoder != decoder:
            reasons.append(
                f"encoder_{stock}={encoder} and decoder_{stock}={decoder}: ours has one {ours} for both stacks"
            )
    for name in ("decoder_input_dim", "decoder_output_dim"):
        if options.get(name) not in (None, options.get("decoder_embed_dim")):
            reasons.append(f"{name}={options[name]}: ours has no projection between embeddings and layers")
    width, heads = options.get("encoder_embed_dim"), options.get("encoder_attention_heads")
    if isinstance(width, int) and isinstance(heads, int) and (heads < 1 or width % heads):
        reasons.append(f"encoder_embed_dim={width} is no multiple of encoder_attention_heads={heads}")
    norms = _final_norms(options, weights)
    alike = options.get("encoder_normalize_before") == options.get("decoder_normalize_before")
    if alike and norms["encoder"] != norms["decoder"]:
        lacking = "decoder" if norms["encoder"] else "encoder"
        reasons.append(f"only its {lacking} has no final norm: ours has final_norm for both stacks")
    return reasons


def _final_norms(options: Mapping[str, Any], weights: Mapping[str, Any]) -> dict[str, bool]:
    """Whether each stack ends with a norm; stock leaves it out of what was saved before its version 2 (decoder: 3)."""
    ends = {}
    for side, since in (("encoder", 2), ("decoder", 3)):
        stored = weights.get(f"{side}.version")
        version = float(stored.flatten()[0]) if isinstance(stored, Tensor) and stored.numel() else 1.0
        ends[side] = bool(options.get(f"{side}_normalize_before")) and version >= since
    if options.get("no_decoder_final_norm"):
        ends["decoder"] = False
    return ends


def model_options(owner: str, options: Mapping[str, Any], weights: Mapping[str, Any]) -> dict[str, Any]:
    """Ours for stock's; there must be no `reasons_against` them.

    Args:
        owner: the checkpoint, for a message.
        options: stock's, flat and complete.
        weights: stock's.

    Raises:
        CheckpointError: an option has another type than stock gives it.
        ConfigError: a value that cannot work.
    """
    governed = dict(conventions.resolve("fairseq", "model", {}))
    try:
        sizes = {ours: int(options[f"encoder_{stock}"]) for stock, ours in SAME_ON_BOTH_SIDES[:4]}
        rates = {name: float(options[name]) for name in ("dropout", "attention_dropout", "activation_dropout")}
        longest = {name: int(options[name]) for name in ("max_source_positions", "max_target_positions")}
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{owner}: a size among its options is no number ({error})") from None
    width = default_head_width(sizes["d_model"], sizes["num_heads"])
    shared = bool(options.get("share_all_embeddings"))
    return {
        **governed, **sizes, **rates, **longest, "d_k": width, "d_v": width,
        "share_all_embeddings": shared,
        "share_decoder_input_output_embed": shared or bool(options.get("share_decoder_input_output_embed")),
        "learned_positions": bool(options.get("encoder_learned_pos")),
        "normalize_before": bool(options.get("encoder_normalize_before")),
        "final_norm": "with_pre_norm" if any(_final_norms(options, weights).values()) else "never",
        "first_position": PADDING_IDX + 1,
    }  # fmt: skip


def from_stock(config: TransformerConfig, stock: Mapping[str, Any]) -> dict[str, Tensor]:
    """Stock's weights under our names; names and shapes are the caller's to check.

    Args:
        config: ours.
        stock: stock's state dict, of any age.
    """
    weights: dict[str, Tensor] = {}
    for name, tensor in stock.items():
        if BUFFERS.fullmatch(name):
            continue
        if not config.has_final_norm and name.startswith(("encoder.layer_norm.", "decoder.layer_norm.")):
            continue  # stock does not load them either
        weights.update(_renamed(name, tensor))
    projection, table = "decoder.output_projection.weight", "decoder.embed_tokens.weight"
    if projection not in weights and config.share_decoder_input_output_embed and table in weights:
        weights[projection] = weights[table]
    return weights


def _renamed(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """One weight of an older checkpoint under its newer names."""
    merged = MERGED.fullmatch(name)
    if merged:
        parts = tensor.chunk(3, dim=0) if isinstance(tensor, Tensor) and tensor.dim() else (tensor,) * 3
        names = [f"{merged[1]}.{projection}.{merged[2]}" for projection in ("q_proj", "k_proj", "v_proj")]
        return {one: torch.clone(part) for one, part in zip(names, parts, strict=False)}
    norm = OLD_NORMS.fullmatch(name)
    if norm and int(norm[3]) < len(NORMS[norm[2]]):
        return {f"{norm[1]}.{NORMS[norm[2]][int(norm[3])]}.{norm[4]}": tensor}
    return {"decoder.output_projection.weight" if name == "decoder.embed_out" else name: tensor}
