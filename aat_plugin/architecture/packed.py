"""A trained model's weights laid out for decoding: one product for Q, K and V, in a precision of choice. Section 3.

It computes what `stacks` computes, up to rounding, from copies of the weights; residual sums, norms, softmax and the
products of attention stay in the model's own type. A step takes one token of each hypothesis and a `BeamCache`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from aat_plugin.architecture.attention import MultiHeadAttention, scaled_dot_product_attention
from aat_plugin.architecture.beam_cache import BeamCache
from aat_plugin.architecture.cache import KeysAndValues
from aat_plugin.architecture.embeddings import embed
from aat_plugin.architecture.masks import key_padding_mask
from aat_plugin.architecture.precision import LayerNorm
from aat_plugin.architecture.products import Product, product
from aat_plugin.architecture.restricted import Reach, restricted_attention
from aat_plugin.architecture.stacks import (
    DecoderLayer,
    EncoderLayer,
    EncoderOutput,
    TransformerDecoder,
    TransformerEncoder,
)


class _Attention:
    """The products of a `MultiHeadAttention`: those of its inputs joined, and the output's.

    Args:
        attention: whose weights.
        joined: "qkv" for self-attention, "kv" where queries come from elsewhere.
        precision: as in `product`.
    """

    def __init__(self, attention: MultiHeadAttention, joined: str, precision: str) -> None:
        parts = {"q": attention.q_proj, "k": attention.k_proj, "v": attention.v_proj}
        chosen = [parts[name] for name in joined]
        weights: list[Tensor] = [part.weight for part in chosen]
        biases: list[Tensor] = [part.bias for part in chosen if part.bias is not None]
        self.heads = attention.num_heads
        self.widths = [part.out_features for part in chosen]
        self.inputs = product(
            torch.cat(weights).detach(), torch.cat(biases).detach() if biases else None, precision
        )
        self.query = _linear(attention.q_proj, precision) if joined == "kv" else None
        self.output = _linear(attention.out_proj, precision)

    def project(self, x: Tensor) -> list[Tensor]:
        """x (batch, length, d_model) → each of the joined, (batch, heads, length, d)."""
        return [self.split(part) for part in torch.split(self.inputs(x), self.widths, dim=-1)]

    def split(self, projected: Tensor) -> Tensor:
        """(batch, length, heads · d) → (batch, heads, length, d)."""
        batch, length, _ = projected.shape
        return projected.view(batch, length, self.heads, -1).transpose(1, 2)

    def join(self, mixed: Tensor) -> Tensor:
        """Concat(head_1, …, head_h) W^O: (batch, heads, length, d_v) → (batch, length, d_model)."""
        return self.output(mixed.transpose(1, 2).flatten(2))


class _Layer:
    """What packed layers share."""

    def __init__(self, layer: EncoderLayer | DecoderLayer, precision: str) -> None:
        self.normalize_before = layer.normalize_before
        self.near: Reach | None = layer.near
        self.own = _Attention(layer.self_attn, "qkv", precision)
        self.own_norm, self.last_norm = layer.self_attn_layer_norm, layer.final_layer_norm
        self.fc1, self.fc2 = _linear(layer.fc1, precision), _linear(layer.fc2, precision)

    def before(self, x: Tensor, norm: LayerNorm) -> Tensor:
        """A sub-layer's input."""
        return norm(x) if self.normalize_before else x

    def after(self, x: Tensor, inner: Tensor, norm: LayerNorm) -> Tensor:
        """x and a sub-layer's output, summed."""
        summed = x + inner
        return summed if self.normalize_before else norm(summed)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Section 3.3 with its residual sum."""
        return self.after(x, self.fc2(self.fc1(self.before(x, self.last_norm)).relu_()), self.last_norm)


class _DecoderLayer(_Layer):
    """As `stacks.DecoderLayer`, for one new position of each hypothesis."""

    def __init__(self, layer: DecoderLayer, precision: str) -> None:
        super().__init__(layer, precision)
        self.source = _Attention(layer.encoder_attn, "kv", precision)
        self.source_norm = layer.encoder_attn_layer_norm

    def memory(self, memory: Tensor) -> KeysAndValues:
        """Keys and values of the encoder's output (sentences, src_len, d_model), laid out a head after the other."""
        key, value = self.source.project(memory)
        return key.contiguous(), value.contiguous()

    def step(self, x: Tensor, hidden: Tensor, cache: BeamCache, index: int) -> tuple[Tensor, Tensor]:
        """One position.

        Args:
            x: (sentences, beam, d_model), by place.
            hidden: (sentences, 1, beam, slots), True where a hypothesis does not descend from a slot.
            cache: see `BeamCache`.
            index: this layer's number.

        Returns:
            (sentences, beam, d_model), and the weights over the source (sentences, heads, beam, src_len).
        """
        query, key, value = self.own.project(self.before(x, self.own_norm))
        mixed, _ = scaled_dot_product_attention(query, *cache.extend(index, key, value), hidden)
        x = self.after(x, self.own.join(mixed), self.own_norm)
        assert self.source.query is not None
        query = self.source.split(self.source.query(self.before(x, self.source_norm)))
        mixed, weights = scaled_dot_product_attention(
            query, *cache.memory[index], key_padding_mask(cache.padding_mask)
        )
        x = self.after(x, self.source.join(mixed), self.source_norm)
        return self.feed_forward(x), weights


class PackedEncoder:
    """`TransformerEncoder.encode` with packed weights.

    Args:
        encoder: whose weights; in evaluation mode.
        precision: as in `product`.
    """

    def __init__(self, encoder: TransformerEncoder, precision: str) -> None:
        self.encoder = encoder
        self.layers = [_Layer(layer, precision) for layer in encoder.layers]  # type: ignore[arg-type]

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode src_tokens (batch, src_len), padded on either side."""
        x, padding_mask = self.encoder.embed(src_tokens)
        for layer in self.layers:
            query, key, value = layer.own.project(layer.before(x, layer.own_norm))
            if layer.near is None:
                mixed, _ = scaled_dot_product_attention(query, key, value, key_padding_mask(padding_mask))
            else:
                mixed = restricted_attention(query, key, value, padding_mask, layer.near)
            x = layer.feed_forward(layer.after(x, layer.own.join(mixed), layer.own_norm))
        norm = self.encoder.layer_norm
        return EncoderOutput(x if norm is None else norm(x), padding_mask)


class PackedDecoder:
    """A decoder's weights, for one position a step.

    Args:
        decoder: whose weights; in evaluation mode.
        precision: as in `product`.
    """

    def __init__(self, decoder: TransformerDecoder, precision: str) -> None:
        self.decoder = decoder
        self.layers = [_DecoderLayer(layer, precision) for layer in decoder.layers]  # type: ignore[arg-type]
        self.output = product(decoder.output_projection.weight.detach(), None, precision)

    def begin(self, source: EncoderOutput) -> BeamCache:
        """The cache of a batch whose sources were encoded."""
        near = self.layers[0].near
        memory = [layer.memory(source.memory) for layer in self.layers]
        outputs = None if self.decoder.next_source_token is None else source.memory
        return BeamCache(memory, source.padding_mask, None if near is None else near.before, outputs)

    def counts(self, tokens: Tensor) -> Tensor | None:
        """(rows,): how many counted symbols each hypothesis of `tokens` (rows, length) has said; None: none count."""
        following = self.decoder.next_source_token
        return None if following is None else following.count(tokens)[:, -1]

    def step(self, tokens: Tensor, cache: BeamCache, counts: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits of the next token.

        Args:
            tokens: (sentences · beam,), in search order: each hypothesis's last token; none is padding.
            cache: extended.
            counts: what `counts` says of the hypotheses.

        Returns:
            (sentences · beam, V), and the last layer's weights over the source (sentences · beam, heads, src_len).
        """
        decoder, config = self.decoder, self.decoder.config
        grouped, number = cache.to_places(tokens), cache.length + config.first_position
        numbers = torch.full_like(grouped, number)
        blank = numbers.eq(config.first_position) if config.decoder_start == "zero" else None
        also = None
        if decoder.next_source_token is not None:
            assert counts is not None
            assert cache.outputs is not None
            also = decoder.next_source_token(cache.outputs, cache.padding_mask, cache.to_places(counts))
        x = embed(grouped, decoder.embed_tokens, decoder.embed_positions, numbers, number + 1, blank=blank, also=also)
        hidden = cache.open_step(grouped.size(1))
        weights: Tensor | None = None
        for index, layer in enumerate(self.layers):
            x, weights = layer.step(x, hidden, cache, index)
        assert weights is not None  # num_layers ≥ 1 is checked in the config
        x = cache.to_search_order(x if decoder.layer_norm is None else decoder.layer_norm(x))
        return self.output(x), cache.to_search_order(weights.transpose(1, 2))


def _linear(linear: torch.nn.Linear, precision: str) -> Product:
    bias = None if linear.bias is None else linear.bias.detach()
    return product(linear.weight.detach(), bias, precision)
