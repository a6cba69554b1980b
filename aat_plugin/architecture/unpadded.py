"""The two stacks over real tokens alone: what `stacks` computes, without computing padding. Section 3.1.

For training on a processor. Queries, keys and values of self-attention are one product, keys and values of the source
another; the weights stay where they are, so checkpoints and optimizers see nothing of it. Read `rows` first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.dropout import dropout
from aat_plugin.architecture.half_rows import half_type, project
from aat_plugin.architecture.masks import key_padding_mask
from aat_plugin.architecture.precision import quick_small_products
from aat_plugin.architecture.rows import Rows, attend_rows
from aat_plugin.architecture.stacks import DecoderLayer, EncoderLayer, TransformerDecoder, TransformerEncoder

SHORTEST = 16
"""Places that a sentence gets in attention's scores: torch's softmax takes rows that are shorter than a vector register
one number at a time, and is then fifteen times slower (measured)."""


ROWS_ALIKE = 128
"""In bfloat16 the number of rows is a multiple of it, so that few different products are met: see `Rows`."""


class Encoded(NamedTuple):
    """What the decoder reads."""

    memory: Tensor
    """(source rows, d_model)."""
    rows: Rows
    hidden: Tensor | None
    """What attention over the source adds to its scores, (batch, 1, 1, src_len); None without padding."""


def can_leave_padding_out(config: TransformerConfig, tokens: Tensor) -> bool:
    """Whether attention is the one that `rows` writes out, no place reads another, and counting `tokens` is cheap."""
    plain = config.restricted_attention is None and config.attention_dropout == 0.0 and config.d_k == config.d_v
    return plain and not config.counted_symbols and tokens.device.type == "cpu"


def features(
    encoder: TransformerEncoder, decoder: TransformerDecoder, src_tokens: Tensor, prev_output_tokens: Tensor
) -> Tensor:
    """The decoder's features, as `TransformerDecoder.decode` gives them but zero where the target is padded.

    Args:
        encoder: the left half of Figure 1.
        decoder: the right half.
        src_tokens: (batch, src_len), padded on either side; each sentence has a real token.
        prev_output_tokens: (batch, tgt_len), likewise.

    Returns:
        (batch, tgt_len, d_model).
    """
    config, length = decoder.config, prev_output_tokens.size(1)
    # A table that is the pre-softmax matrix too has a dense gradient from there, whose sum takes sparse ones in.
    matrix = decoder.output_projection.weight
    tied = [stack.embed_tokens.weight is matrix for stack in (encoder, decoder)]
    source = _encode(encoder, _widened(src_tokens, config.max_source_positions, config.padding_idx), tied[0])
    widened = _widened(prev_output_tokens, config.max_target_positions, config.padding_idx)
    return _decode(decoder, widened, source, tied[1])[:, :length]


def _widened(tokens: Tensor, longest: int, padding_idx: int) -> Tensor:
    """tokens (batch, length), padded on the right up to `SHORTEST` places or to the `longest` that can be."""
    return F.pad(tokens, (0, max(0, min(SHORTEST, longest) - tokens.size(1))), value=padding_idx)


def _encode(encoder: TransformerEncoder, src_tokens: Tensor, tied: bool) -> Encoded:
    padding_mask = src_tokens.eq(encoder.config.padding_idx)
    half = _half(encoder, src_tokens)
    rows = Rows(padding_mask, ROWS_ALIKE if half else 1)
    x, _ = encoder.embed(src_tokens, rows, sparse=tied)
    x = _begun(encoder, x, half)
    hidden = None if rows.all_real else _added(key_padding_mask(padding_mask), x)
    for layer in encoder.layers:
        assert isinstance(layer, EncoderLayer)
        x = _encoder_layer(layer, x, rows, hidden)
    return Encoded(x if encoder.layer_norm is None else encoder.layer_norm(x), rows, hidden)


def _decode(decoder: TransformerDecoder, prev_output_tokens: Tensor, source: Encoded, tied: bool) -> Tensor:
    padding_mask = prev_output_tokens.eq(decoder.config.padding_idx)
    half = _half(decoder, prev_output_tokens)
    rows = Rows(padding_mask, ROWS_ALIKE if half else 1)
    x = _begun(decoder, decoder.embed(prev_output_tokens, padding_mask, rows=rows, sparse=tied), half)
    hidden = _added(decoder.self_mask(padding_mask, padding_mask.size(1)), x)
    for layer in decoder.layers:
        assert isinstance(layer, DecoderLayer)
        x = _decoder_layer(layer, x, rows, hidden, source)
    return rows.spread(x if decoder.layer_norm is None else decoder.layer_norm(x))


def _encoder_layer(layer: EncoderLayer, x: Tensor, rows: Rows, hidden: Tensor | None) -> Tensor:
    """x (rows, d_model) → (rows, d_model)."""
    x = layer.residual(x, lambda q: _attend_self(layer.self_attn, q, rows, hidden), layer.self_attn_layer_norm)
    return layer.residual(x, lambda q: _feed_forward(layer, q), layer.final_layer_norm)


def _decoder_layer(layer: DecoderLayer, x: Tensor, rows: Rows, hidden: Tensor, source: Encoded) -> Tensor:
    """x (target rows, d_model) → (target rows, d_model)."""
    x = layer.residual(x, lambda q: _attend_self(layer.self_attn, q, rows, hidden), layer.self_attn_layer_norm)
    x = layer.residual(
        x, lambda q: _attend_source(layer.encoder_attn, q, rows, source), layer.encoder_attn_layer_norm
    )
    return layer.residual(x, lambda q: _feed_forward(layer, q), layer.final_layer_norm)


def _attend_self(attention: MultiHeadAttention, x: Tensor, rows: Rows, hidden: Tensor | None) -> Tensor:
    packed = project(x, [attention.q_proj, attention.k_proj, attention.v_proj])
    narrow = _is_narrow(x)
    mixed = attend_rows(None, packed, rows, rows, attention.num_heads, hidden, narrow=narrow)
    return project(mixed, [attention.out_proj])


def _attend_source(attention: MultiHeadAttention, x: Tensor, rows: Rows, source: Encoded) -> Tensor:
    packed = project(source.memory, [attention.k_proj, attention.v_proj])
    query, heads = project(x, [attention.q_proj]), attention.num_heads
    mixed = attend_rows(query, packed, rows, source.rows, heads, source.hidden, narrow=_is_narrow(x))
    return project(mixed, [attention.out_proj])


def _feed_forward(layer: EncoderLayer | DecoderLayer, x: Tensor) -> Tensor:
    """Section 3.3, as `feed_forward` has it."""
    if x.dtype is not torch.bfloat16 or (layer.training and layer.activation_dropout > 0.0):
        return layer.feed_forward(x)
    return project(project(x, [layer.fc1], rectified=True), [layer.fc2])


def _is_narrow(x: Tensor) -> bool:
    return x.dtype is torch.bfloat16 and quick_small_products()


def _half(stack: TransformerEncoder | TransformerDecoder, tokens: Tensor) -> torch.dtype | None:
    """The type that rows have between the layers, if it is half precision: where a norm ends each sub-layer."""
    return half_type(tokens.device) if stack.ways.half_rows and not stack.config.normalize_before else None


def _begun(stack: TransformerEncoder | TransformerDecoder, x: Tensor, half: torch.dtype | None) -> Tensor:
    """Dropout on the embedding sums, in the type that the layers get."""
    x = dropout(x, stack.config.dropout, quick=stack.ways.quick_dropout) if stack.training else x
    return x if half is None else x.to(half)


def _added(hidden: Tensor, like: Tensor) -> Tensor:
    """A mask as what is added to scores: 0, or -inf where True."""
    wide = torch.promote_types(like.dtype, torch.float32)
    return torch.zeros(hidden.shape, dtype=wide, device=hidden.device).masked_fill_(hidden, float("-inf"))
