"""The two stacks over real tokens alone: what `stacks` computes, without computing padding. Section 3.1.

On a GPU padding stays, and attention alone leaves it out: see `segments`. Queries, keys and values of self-attention
are one product, keys and values of the source another; the weights stay where they are, so checkpoints and optimizers
see nothing of it. Read `rows` first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.dropout import dropout
from aat_plugin.architecture.half_rows import Rounded, half_type, project
from aat_plugin.architecture.masks import key_padding_mask
from aat_plugin.architecture.precision import SHORTEST, quick_small_products
from aat_plugin.architecture.rows import Rows, attend_rows
from aat_plugin.architecture.segments import Segments, attend_segments, can_use_flash
from aat_plugin.architecture.stacks import DecoderLayer, EncoderLayer, TransformerDecoder, TransformerEncoder

ROWS_ALIKE = 128
"""In bfloat16 the number of rows is a multiple of it, so that few different products are met: see `Rows`."""


Layout = Rows | Segments
"""On a processor the real tokens are the rows; on a GPU all places are."""
Attend = Callable[[Tensor | None, Tensor, int], Tensor]
"""(queries or None, what is packed, heads) → mixed, as `attend_rows` has them."""


class Encoded(NamedTuple):
    """What the decoder reads."""

    memory: Tensor
    """(source rows, d_model)."""
    rows: Layout
    hidden: Tensor | None
    """What attention over the source adds to its scores, (batch, 1, 1, src_len); None without padding."""


def can_leave_padding_out(config: TransformerConfig, tokens: Tensor, own: torch.dtype = torch.float32) -> bool:
    """Whether attention is one that `rows` or `segments` writes out and no place reads another.

    Args:
        config: the model's.
        tokens: on its device.
        own: the type of its weights.
    """
    plain = config.restricted_attention is None and config.attention_dropout == 0.0 and config.d_k == config.d_v
    if not plain or config.counted_symbols:
        return False
    return tokens.device.type == "cpu" or can_use_flash(config, tokens.device, products_type(tokens.device, own))


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
    processor = src_tokens.device.type == "cpu"
    # A table that is the pre-softmax matrix too has a dense gradient from there, whose sum takes sparse ones in.
    matrix = decoder.output_projection.weight
    tied = [processor and stack.embed_tokens.weight is matrix for stack in (encoder, decoder)]
    rounded = None if processor else _rounded(encoder, decoder, src_tokens)
    source = _encode(encoder, _widened(src_tokens, config.max_source_positions, config.padding_idx), tied[0], rounded)
    widened = _widened(prev_output_tokens, config.max_target_positions, config.padding_idx)
    return _decode(decoder, widened, source, tied[1], rounded)[:, :length]


def _rounded(encoder: TransformerEncoder, decoder: TransformerDecoder, tokens: Tensor) -> Rounded | None:
    """The weights of all layers' products in half precision, where that is what they are made in."""
    halves = [_half(encoder, tokens), _half(decoder, tokens)]
    if None in halves or decoder.output_projection.weight.dtype is not torch.float32:
        return None
    groups: list[list[nn.Linear]] = []
    for layer in [*encoder.layers, *decoder.layers]:
        assert isinstance(layer, EncoderLayer | DecoderLayer)
        groups += [_joined_of(layer.self_attn), [layer.self_attn.out_proj], [layer.fc1], [layer.fc2]]
        if isinstance(layer, DecoderLayer):
            other = layer.encoder_attn
            groups += [[other.k_proj, other.v_proj], [other.q_proj], [other.out_proj]]
    return Rounded(groups)


def _joined_of(attention: MultiHeadAttention) -> list[nn.Linear]:
    return [attention.q_proj, attention.k_proj, attention.v_proj]


def _widened(tokens: Tensor, longest: int, padding_idx: int) -> Tensor:
    """tokens (batch, length), on a processor padded on the right up to `SHORTEST` places or the `longest`."""
    shortest = min(SHORTEST, longest) if tokens.device.type == "cpu" else 0
    return F.pad(tokens, (0, max(0, shortest - tokens.size(1))), value=padding_idx)


def _laid_out(padding_mask: Tensor, half: torch.dtype | None) -> Layout:
    if padding_mask.device.type != "cpu":
        return Segments(padding_mask)
    return Rows(padding_mask, ROWS_ALIKE if half else 1)


def _encode(encoder: TransformerEncoder, src_tokens: Tensor, tied: bool, rounded: Rounded | None) -> Encoded:
    padding_mask = src_tokens.eq(encoder.config.padding_idx)
    half = _half(encoder, src_tokens)
    rows = _laid_out(padding_mask, half)
    x, _ = encoder.embed(src_tokens, rows, sparse=tied)
    x = _begun(encoder, x, half)
    hidden = None
    if isinstance(rows, Rows) and not rows.all_real:
        hidden = _added(key_padding_mask(padding_mask), x)
    attend = _between(rows, rows, hidden, x.dtype)
    for layer in encoder.layers:
        assert isinstance(layer, EncoderLayer)
        x = _encoder_layer(layer, x, attend, rounded)
    return Encoded(x if encoder.layer_norm is None else encoder.layer_norm(x), rows, hidden)


def _decode(
    decoder: TransformerDecoder, prev_output_tokens: Tensor, source: Encoded, tied: bool, rounded: Rounded | None
) -> Tensor:
    padding_mask = prev_output_tokens.eq(decoder.config.padding_idx)
    half = _half(decoder, prev_output_tokens)
    rows = _laid_out(padding_mask, half)
    x = _begun(decoder, decoder.embed(prev_output_tokens, padding_mask, rows=rows, sparse=tied), half)
    later = None
    if isinstance(rows, Rows):
        later = _added(decoder.self_mask(padding_mask, padding_mask.size(1)), x)
    attend = _between(rows, rows, later, x.dtype, causal=True)
    attend_source = _between(rows, source.rows, source.hidden, x.dtype)
    for layer in decoder.layers:
        assert isinstance(layer, DecoderLayer)
        x = _decoder_layer(layer, x, source.memory, attend, attend_source, rounded)
    return rows.spread(x if decoder.layer_norm is None else decoder.layer_norm(x))


def _between(
    queries: Layout, keys: Layout, hidden: Tensor | None, dtype: torch.dtype, *, causal: bool = False
) -> Attend:
    """Attention from one layout to another.

    Args:
        queries, keys: of one kind.
        hidden: of rows: what is added to scores, later places included.
        dtype: of what the layers get.
        causal: of segments: hide what comes after a query.
    """

    narrow = dtype is torch.bfloat16 and quick_small_products()

    def attend(query: Tensor | None, packed: Tensor, heads: int) -> Tensor:
        if isinstance(queries, Segments) or isinstance(keys, Segments):
            assert isinstance(queries, Segments)
            assert isinstance(keys, Segments)
            return attend_segments(query, packed, queries, keys, heads, causal=causal)
        return attend_rows(query, packed, queries, keys, heads, hidden, narrow=narrow)

    return attend


def _encoder_layer(layer: EncoderLayer, x: Tensor, attend: Attend, rounded: Rounded | None) -> Tensor:
    """x (rows, d_model) → (rows, d_model)."""
    x = layer.residual(x, lambda q: _attend_self(layer.self_attn, q, attend, rounded), layer.self_attn_layer_norm)
    return layer.residual(x, lambda q: _feed_forward(layer, q, rounded), layer.final_layer_norm)


def _decoder_layer(
    layer: DecoderLayer, x: Tensor, memory: Tensor, attend: Attend, attend_source: Attend, rounded: Rounded | None
) -> Tensor:
    """x (target rows, d_model) and memory (source rows, d_model) → (target rows, d_model)."""
    source, norm = layer.encoder_attn, layer.encoder_attn_layer_norm
    x = layer.residual(x, lambda q: _attend_self(layer.self_attn, q, attend, rounded), layer.self_attn_layer_norm)
    x = layer.residual(x, lambda q: _attend_source(source, q, memory, attend_source, rounded), norm)
    return layer.residual(x, lambda q: _feed_forward(layer, q, rounded), layer.final_layer_norm)


def _attend_self(attention: MultiHeadAttention, x: Tensor, attend: Attend, rounded: Rounded | None) -> Tensor:
    packed = project(x, _joined_of(attention), rounded=rounded)
    return project(attend(None, packed, attention.num_heads), [attention.out_proj], rounded=rounded)


def _attend_source(
    attention: MultiHeadAttention, x: Tensor, memory: Tensor, attend: Attend, rounded: Rounded | None
) -> Tensor:
    packed = project(memory, [attention.k_proj, attention.v_proj], rounded=rounded)
    query = project(x, [attention.q_proj], rounded=rounded)
    return project(attend(query, packed, attention.num_heads), [attention.out_proj], rounded=rounded)


def _feed_forward(layer: EncoderLayer | DecoderLayer, x: Tensor, rounded: Rounded | None) -> Tensor:
    """Section 3.3, as `feed_forward` has it."""
    if x.dtype is not torch.bfloat16 or (layer.training and layer.activation_dropout > 0.0):
        return layer.feed_forward(x)
    inner = project(x, [layer.fc1], rectified=True, rounded=rounded)
    return project(inner, [layer.fc2], rounded=rounded)


def products_type(device: torch.device, own: torch.dtype) -> torch.dtype:
    """What products of weights of type `own` are made in: autocast's type where it is on."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else own


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
