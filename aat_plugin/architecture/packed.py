"""A trained model's weights laid out for decoding: one product for Q, K and V, in a precision of choice. Section 3.

It computes what `stacks` computes, up to rounding, from copies of the weights. In bfloat16 what goes from product to
product is bfloat16 too; norms and softmax compute in float32, and attention's products where the processor has no quick
ones of that size in bfloat16. 1 / sqrt(d_k) of Eq. 1 is multiplied into W^Q beforehand. A step takes one token of each
hypothesis and a `BeamCache`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.beam_cache import BeamCache
from aat_plugin.architecture.cache import KeysAndValues
from aat_plugin.architecture.embeddings import embed
from aat_plugin.architecture.precision import LayerNorm, in_type, normalised, quick_small_products, softmax_of_many
from aat_plugin.architecture.products import product, working_type
from aat_plugin.architecture.restricted import Reach, restricted_attention
from aat_plugin.architecture.stacks import (
    DecoderLayer,
    EncoderLayer,
    EncoderOutput,
    TransformerDecoder,
    TransformerEncoder,
)

TOKENS_AT_ONCE = 2_048
"""Of sources that a processor encodes together: sentences of like length, whose rows stay in its cache."""
ROWS_ALIKE = 32
"""On a processor the number of rows that the vocabulary's product gets in less than float32 is a multiple of it, for
the reason of `beam_cache.ALIKE`: the search has any number of them."""


class _Part(NamedTuple):
    """A linear layer's weights."""

    weight: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, linear: torch.nn.Linear) -> _Part:
        """Those of `linear`, without their history."""
        return cls(linear.weight.detach(), None if linear.bias is None else linear.bias.detach())

    def times(self, scale: float) -> _Part:
        """All of them times `scale`."""
        return _Part(self.weight * scale, None if self.bias is None else self.bias * scale)


class _Attention:
    """The products of a `MultiHeadAttention`: those of its inputs joined, and the output's.

    Args:
        attention: whose weights.
        joined: "qkv" for self-attention, "kv" where queries come from elsewhere.
        precision: as in `product`.
        scaled: whether queries come out times 1 / sqrt(d_k).
    """

    def __init__(self, attention: MultiHeadAttention, joined: str, precision: str, *, scaled: bool = True) -> None:
        self.heads = attention.num_heads
        scale = (attention.q_proj.out_features // self.heads) ** -0.5 if scaled else 1.0
        query = _Part.of(attention.q_proj).times(scale)
        parts = {"q": query, "k": _Part.of(attention.k_proj), "v": _Part.of(attention.v_proj)}
        chosen = [parts[name] for name in joined]
        biases = [part.bias for part in chosen if part.bias is not None]
        self.widths = [part.weight.size(0) for part in chosen]
        self.inputs = product(
            torch.cat([part.weight for part in chosen]), torch.cat(biases) if biases else None, precision
        )
        self.query = product(*query, precision) if joined == "kv" else None
        self.output = product(*_Part.of(attention.out_proj), precision)

    def project(self, x: Tensor) -> Sequence[Tensor]:
        """x (batch, length, d_model) → each of the joined, (batch, heads, length, d)."""
        projected = self.inputs(x)
        if len(set(self.widths)) > 1:
            return [self.split(part) for part in torch.split(projected, self.widths, dim=-1)]
        batch, length, _ = x.shape
        return projected.view(batch, length, len(self.widths), self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def split(self, projected: Tensor) -> Tensor:
        """(batch, length, heads · d) → (batch, heads, length, d)."""
        batch, length, _ = projected.shape
        return projected.view(batch, length, self.heads, -1).transpose(1, 2)

    def join(self, mixed: Tensor, onto: Tensor) -> Tensor:
        """onto + Concat(head_1, …, head_h) W^O: (batch, heads, length, d_v) → (batch, length, d_model)."""
        heads = mixed.transpose(1, 2).to(onto.dtype, memory_format=torch.contiguous_format)
        return self.output(heads.flatten(2), onto)


class _Layer:
    """What packed layers share."""

    def __init__(self, layer: EncoderLayer | DecoderLayer, precision: str, *, scaled: bool = True) -> None:
        self.normalize_before = layer.normalize_before
        self.near: Reach | None = layer.near
        self.own = _Attention(layer.self_attn, "qkv", precision, scaled=scaled)
        self.own_norm, self.last_norm = (
            _norm(norm, precision) for norm in (layer.self_attn_layer_norm, layer.final_layer_norm)
        )
        self.fc1 = product(*_Part.of(layer.fc1), precision, relu=True)
        self.fc2 = product(*_Part.of(layer.fc2), precision)

    def before(self, x: Tensor, norm: LayerNorm) -> Tensor:
        """A sub-layer's input."""
        return normalised(x, norm) if self.normalize_before else x

    def after(self, summed: Tensor, norm: LayerNorm) -> Tensor:
        """What follows on the sum of a sub-layer's input and output."""
        return summed if self.normalize_before else normalised(summed, norm)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Section 3.3 with its residual sum."""
        return self.after(self.fc2(self.fc1(self.before(x, self.last_norm)), x), self.last_norm)


class _DecoderLayer(_Layer):
    """As `stacks.DecoderLayer`, for one new position of each hypothesis."""

    def __init__(self, layer: DecoderLayer, precision: str) -> None:
        super().__init__(layer, precision)
        self.own_type = attention_type(layer.fc1.weight, precision)
        self.source = _Attention(layer.encoder_attn, "kv", precision)
        self.source_norm = _norm(layer.encoder_attn_layer_norm, precision)

    def memory(self, memory: Tensor) -> KeysAndValues:
        """Keys and values of the encoder's output (sentences, src_len, d_model), as `BeamCache.memory` has them."""
        key, value = self.source.project(memory)
        return _copied(key.transpose(2, 3), self.own_type), _copied(value, self.own_type)

    def step(self, x: Tensor, hidden: Tensor, cache: BeamCache, index: int) -> tuple[Tensor, Tensor]:
        """One position.

        Args:
            x: (sentences, beam, d_model), by place.
            hidden: (sentences, 1, beam, slots), -inf where a hypothesis does not descend from a slot, else 0.
            cache: see `BeamCache`.
            index: this layer's number.

        Returns:
            (sentences, beam, d_model), and the weights over the source (sentences, heads, beam, src_len).
        """
        query, key, value = self.own.project(self.before(x, self.own_norm))
        keys, values = cache.extend(index, key, value)
        mixed, _ = _mixed(_copied(query, keys.dtype), keys, values, hidden)
        x = self.after(self.own.join(mixed, x), self.own_norm)
        assert self.source.query is not None
        query = self.source.split(self.source.query(self.before(x, self.source_norm)))
        mixed, weights = _mixed(_copied(query, keys.dtype), *cache.memory[index], cache.hidden_source)
        x = self.after(self.source.join(mixed, x), self.source_norm)
        return self.feed_forward(x), weights


class PackedEncoder:
    """`TransformerEncoder.encode` with packed weights.

    Args:
        encoder: whose weights; in evaluation mode.
        precision: as in `product`.
    """

    def __init__(self, encoder: TransformerEncoder, precision: str) -> None:
        self.encoder = encoder
        plain = encoder.config.restricted_attention is None  # restricted attention scales by itself
        self.layers = [_Layer(layer, precision, scaled=plain) for layer in encoder.layers]  # type: ignore[arg-type]
        self.type = working_type(encoder.embed_tokens.weight.dtype, precision)
        self.attention_type = attention_type(encoder.embed_tokens.weight, precision)

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode src_tokens (batch, src_len), padded on either side.

        On a processor sentences of like length go together, without the columns in which all of them are padded; there
        the output is zero.
        """
        padding_mask = src_tokens.eq(self.encoder.config.padding_idx)
        pieces = [] if src_tokens.device.type != "cpu" else _of_like_length(padding_mask, TOKENS_AT_ONCE)
        if len(pieces) < 2:
            return self._encode(src_tokens)
        memory: Tensor | None = None
        for sentences, columns in pieces:
            found = self._encode(src_tokens[sentences, columns]).memory
            if memory is None:
                memory = found.new_zeros((*src_tokens.shape, found.size(2)))
            memory[sentences, columns] = found
        assert memory is not None
        return EncoderOutput(memory, padding_mask)

    def _encode(self, src_tokens: Tensor) -> EncoderOutput:
        """All of them at once."""
        x, padding_mask = self.encoder.embed(src_tokens)
        own, x = self.attention_type, x.to(self.type)
        hidden = torch.where(padding_mask, -math.inf, x.new_zeros((), dtype=own))[:, None, None, :]
        for layer in self.layers:
            query, key, value = (_copied(part, own) for part in layer.own.project(layer.before(x, layer.own_norm)))
            if layer.near is None:
                mixed, _ = _mixed(query, key.transpose(2, 3), value, hidden)
            else:
                mixed = restricted_attention(query, key, value, padding_mask, layer.near)
            x = layer.feed_forward(layer.after(layer.own.join(mixed, x), layer.own_norm))
        norm = self.encoder.layer_norm
        return EncoderOutput(x if norm is None else normalised(x, norm), padding_mask)


class PackedDecoder:
    """A decoder's weights, for one position a step.

    Args:
        decoder: whose weights; in evaluation mode.
        precision: as in `product`.
        vocabulary: of the pre-softmax projection; None for that of the layers.

    Attributes:
        classes: V.
    """

    def __init__(self, decoder: TransformerDecoder, precision: str, vocabulary: str | None = None) -> None:
        self.decoder = decoder
        self.layers = [_DecoderLayer(layer, precision) for layer in decoder.layers]  # type: ignore[arg-type]
        self.type = working_type(decoder.output_projection.weight.dtype, precision)
        self.classes = decoder.output_projection.weight.size(0)
        weight, vocabulary = decoder.output_projection.weight.detach(), vocabulary or precision
        self._vocabulary = product(weight, None, vocabulary)
        self._rows_alike = ROWS_ALIKE if weight.device.type == "cpu" and vocabulary != "float32" else 1

    def logits(self, features: Tensor) -> Tensor:
        """The pre-softmax projection: features (rows, d_model) → (rows, V)."""
        rows = features.size(0)
        spare = -rows % self._rows_alike
        return self._vocabulary(F.pad(features, (0, 0, 0, spare)) if spare else features)[:rows]

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
        """The features that the next token's `logits` come from.

        Args:
            tokens: (sentences · beam,), in search order: each hypothesis's last token; none is padding.
            cache: extended.
            counts: what `counts` says of the hypotheses.

        Returns:
            (sentences · beam, d_model), and the last layer's weights over the source, (sentences · beam, heads,
            src_len).
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
        x = x.to(self.type)
        hidden = cache.open_step(grouped.size(1))
        weights: Tensor | None = None
        for index, layer in enumerate(self.layers):
            x, weights = layer.step(x, hidden, cache, index)
        assert weights is not None  # num_layers ≥ 1 is checked in the config
        x = cache.to_search_order(x if decoder.layer_norm is None else normalised(x, decoder.layer_norm))
        return x, cache.to_search_order(weights.transpose(1, 2))


def _of_like_length(padding_mask: Tensor, at_once: int) -> list[tuple[Tensor, slice]]:
    """A batch's sentences by length, in pieces.

    Args:
        padding_mask: (sentences, src_len), True where padded.
        at_once: the most places of a piece of more than one sentence.

    Returns:
        Which sentences, (piece,), and the columns in which one of them is not padded.
    """
    real = (~padding_mask).byte()
    firsts = real.argmax(dim=1)
    ends = real.size(1) - real.flip(1).argmax(dim=1)
    pieces: list[tuple[Tensor, slice]] = []
    piece: list[int] = []
    start, stop = real.size(1), 0
    spans = list(zip(firsts.tolist(), ends.tolist(), strict=True))
    for sentence in (ends - firsts).argsort(stable=True).tolist():
        first, end = min(start, spans[sentence][0]), max(stop, spans[sentence][1])
        if piece and (len(piece) + 1) * (end - first) > at_once:
            pieces.append((torch.tensor(piece), slice(start, stop)))
            piece, (first, end) = [], spans[sentence]
        piece.append(sentence)
        start, stop = first, end
    return [*pieces, (torch.tensor(piece), slice(start, stop))] if piece else pieces


def attention_type(weight: Tensor, precision: str) -> torch.dtype:
    """What attention's products compute in: that of the others, where small ones are quick in it; else the weights'."""
    quick = weight.is_cuda or quick_small_products()
    return working_type(weight.dtype, precision) if quick else weight.dtype


def _norm(norm: LayerNorm, precision: str) -> LayerNorm:
    """The norm itself, on a GPU a copy in the type of what it is given."""
    return in_type(norm, working_type(norm.weight.dtype, precision)) if norm.weight.is_cuda else norm


def _copied(x: Tensor, dtype: torch.dtype) -> Tensor:
    """x one row after the other, in one pass."""
    return x.to(dtype, memory_format=torch.contiguous_format).contiguous()


def _mixed(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
    """Eq. 1 with queries that are scaled already.

    Args:
        query: (batch, heads, tgt_len, d_k).
        key: (batch, heads, d_k, src_len).
        value: (batch, heads, src_len, d_v).
        hidden: added to the scores: -inf where a connection is illegal, else 0; None where all are legal.

    Returns:
        The mixture (batch, heads, tgt_len, d_v) and the weights (batch, heads, tgt_len, src_len).
    """
    scores = query @ key
    weights = softmax_of_many(scores if hidden is None else scores.add_(hidden))
    return weights @ value, weights
