"""Section 3.1: residual sub-layers, the encoder's and decoder's layers, and the two stacks.

Every sub-layer is LayerNorm(x + Dropout(Sublayer(x))), or x + Dropout(Sublayer(LayerNorm(x))) under
`normalize_before`; `final_norm` says whether a norm follows each stack. Parameter names are fairseq's, so that
checkpoints travel.
Read `transformer` next, which joins the stacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.attention_record import AttentionRecord
from aat_plugin.architecture.cache import DecodingCache
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import NUM_TARGET_SPACES
from aat_plugin.architecture.dropout import add_dropped, dropout
from aat_plugin.architecture.embeddings import embed, next_source_token, position_encoding
from aat_plugin.architecture.feed_forward import feed_forward
from aat_plugin.architecture.masks import decoder_self_mask, key_padding_mask
from aat_plugin.architecture.positional_encoding import positions_of
from aat_plugin.architecture.precision import LayerNorm
from aat_plugin.architecture.residual import can_fuse, normalised_sum
from aat_plugin.architecture.restricted import Reach, neighbourhood_mask, reach
from aat_plugin.architecture.rows import Rows
from aat_plugin.architecture.segments import Segments
from aat_plugin.architecture.ways import Ways


class EncoderOutput(NamedTuple):
    """What the decoder reads: the last encoder layer's output and where the source is padding."""

    memory: Tensor
    """(batch, src_len, d_model)."""
    padding_mask: Tensor
    """(batch, src_len), True where padded."""

    def select(self, rows: Tensor) -> EncoderOutput:
        """The rows named by `rows` (new_batch,), repeated or dropped."""
        return EncoderOutput(self.memory.index_select(0, rows), self.padding_mask.index_select(0, rows))


class _Layer(nn.Module):
    """What encoder and decoder layers share: the residual sub-layer, self-attention and the feed-forward network.

    Args:
        config: sizes and choices.
        near: how far self-attention sees; None for all positions.
    """

    def __init__(self, config: TransformerConfig, near: Reach | None) -> None:
        super().__init__()
        self.ways = Ways()
        self.near = near
        self.dropout = config.dropout
        self.activation_dropout = config.activation_dropout
        self.normalize_before = config.normalize_before
        self.self_attn = _attention(config)
        self.self_attn_layer_norm = LayerNorm(config.d_model, config.layer_norm_eps)
        self.fc1 = nn.Linear(config.d_model, config.d_ff)
        self.fc2 = nn.Linear(config.d_ff, config.d_model)
        self.final_layer_norm = LayerNorm(config.d_model, config.layer_norm_eps)

    def residual(self, x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: LayerNorm) -> Tensor:
        """LayerNorm(x + Dropout(Sublayer(x))), Sections 3.1 and 5.4; x is (batch, length, d_model)."""
        inner = sublayer(norm(x)) if self.normalize_before else sublayer(x)
        if self.training and not self.normalize_before and can_fuse(x, self.dropout, self.ways):
            return normalised_sum(x, inner, norm, self.dropout)
        summed = (
            add_dropped(x, inner, self.dropout, quick=self.ways.quick_dropout) if self.training else x + inner
        )
        return summed if self.normalize_before else norm(summed)

    def attend_self(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, kept: list[Tensor] | None = None
    ) -> Tensor:
        """Self-attention of query (batch, new, d_model) over projected keys and values (batch, heads, length, d).

        Args:
            query: before projection.
            key: its last `new` positions are the queries', and
            value: likewise.
            mask: True where illegal; or which keys are padded, (batch, length), where attention is restricted.
            kept: gets the weights (batch, heads, new, length); restricted attention has them only where they are kept.
        """
        if self.near is not None:
            if kept is None:
                return self.self_attn.nearby(query, key, value, mask, self.near)
            mask = neighbourhood_mask(mask, query.size(1), self.near)
        mixed: Tensor
        mixed, weights = self.self_attn(query, key, value, mask)
        if kept is not None:
            kept.append(weights)
        return mixed

    def feed_forward(self, x: Tensor) -> Tensor:
        """Section 3.3 on x (batch, length, d_model)."""
        probability = self.activation_dropout if self.training else 0.0
        return feed_forward(x, self.fc1, self.fc2, probability, quick=self.ways.quick_dropout)


class EncoderLayer(_Layer):
    """Self-attention, then the feed-forward network. Section 3.1."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, _near(config, causal=False))

    def forward(self, x: Tensor, mask: Tensor, record: AttentionRecord | None = None) -> Tensor:
        """Transform x (batch, src_len, d_model); mask as in `attend_self`."""
        kept = None if record is None else record.encoder_self

        def attend(query: Tensor) -> Tensor:
            return self.attend_self(query, *self.self_attn.project_memory(query), mask, kept)

        x = self.residual(x, attend, self.self_attn_layer_norm)
        return self.residual(x, self.feed_forward, self.final_layer_norm)


class DecoderLayer(_Layer):
    """Masked self-attention, attention over the encoder's output, then the feed-forward network. Section 3.1."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, _near(config, causal=True))
        self.encoder_attn = _attention(config)
        self.encoder_attn_layer_norm = LayerNorm(config.d_model, config.layer_norm_eps)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        memory: EncoderOutput,
        cache: DecodingCache | None,
        index: int,
        record: AttentionRecord | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Transform new positions.

        Args:
            x: (batch, new, d_model).
            mask: as in `attend_self`.
            memory: the encoder's output.
            cache: None when all positions are given at once.
            index: this layer's place in the cache.
            record: gets this layer's weights.

        Returns:
            (batch, new, d_model), and the weights over the source (batch, heads, new, src_len).
        """
        weights: list[Tensor] = []

        def attend(query: Tensor) -> Tensor:
            key, value = self.self_attn.project_memory(query)
            if cache is not None:
                key, value = cache.extend(index, key, value, None if self.near is None else self.near.before)
            return self.attend_self(query, key, value, mask, None if record is None else record.decoder_self)

        def attend_source(query: Tensor) -> Tensor:
            projected = cache.memory(index) if cache is not None else None
            if projected is None:
                projected = self.encoder_attn.project_memory(memory.memory)
                if cache is not None:
                    cache.keep_memory(index, projected)
            mixed: Tensor
            mixed, over_source = self.encoder_attn(query, *projected, key_padding_mask(memory.padding_mask))
            weights.append(over_source)
            if record is not None:
                record.cross.append(over_source)
            return mixed

        x = self.residual(x, attend, self.self_attn_layer_norm)
        x = self.residual(x, attend_source, self.encoder_attn_layer_norm)
        return self.residual(x, self.feed_forward, self.final_layer_norm), weights[0]


class TransformerEncoder(nn.Module):
    """The left half of Figure 1: embeddings, positions, N layers."""

    def __init__(self, config: TransformerConfig, embed_tokens: nn.Embedding) -> None:
        nn.Module.__init__(self)  # explicit: a framework's class may stand between in a subclass's bases
        self.config = config
        self.ways = Ways()
        self.embed_tokens = embed_tokens
        self.embed_positions = position_encoding(config, config.max_source_positions)
        self.target_space = (
            nn.Embedding(NUM_TARGET_SPACES, config.d_model) if config.target_space_embedding else None
        )
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_layers))
        self.layer_norm = LayerNorm(config.d_model, config.layer_norm_eps) if config.has_final_norm else None

    def encode(self, src_tokens: Tensor, record: AttentionRecord | None = None) -> EncoderOutput:
        """Encode src_tokens (batch, src_len), padded on either side with `padding_idx`; `record` gets the weights."""
        x, padding_mask = self.embed(src_tokens)
        x = dropout(x, self.config.dropout, quick=self.ways.quick_dropout) if self.training else x
        mask = padding_mask if self.config.restricted_attention else key_padding_mask(padding_mask)
        for layer in self.layers:
            x = layer(x, mask, record)
        return EncoderOutput(x if self.layer_norm is None else self.layer_norm(x), padding_mask)

    def embed(
        self, src_tokens: Tensor, rows: Rows | Segments | None = None, sparse: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The first layer's input before dropout, and where it is padded.

        Args:
            src_tokens: (batch, src_len).
            rows: where the real tokens are, if they alone are wanted.
            sparse: as in `embeddings.embed`.

        Returns:
            (batch, src_len, d_model), or (rows, d_model); and (batch, src_len).
        """
        config = self.config
        padding_mask = src_tokens.eq(config.padding_idx)
        numbers = positions_of(padding_mask, config.first_position)
        extra = None if self.target_space is None else self.target_space.weight[0]
        limit = src_tokens.size(1) + config.first_position
        if rows is not None:
            src_tokens, numbers = rows.take(src_tokens, config.padding_idx), rows.take(numbers, 0)
        tables = self.embed_tokens, self.embed_positions
        return embed(src_tokens, *tables, numbers, limit, extra=extra, sparse=sparse), padding_mask


class TransformerDecoder(nn.Module):
    """The right half of Figure 1: embeddings, positions, N layers, and the pre-softmax projection."""

    def __init__(self, config: TransformerConfig, embed_tokens: nn.Embedding) -> None:
        nn.Module.__init__(self)  # explicit: a framework's class may stand between in a subclass's bases
        self.config = config
        self.ways = Ways()
        self.times_trained = 0
        self.embed_tokens = embed_tokens
        self.embed_positions = position_encoding(config, config.max_target_positions)
        self.next_source_token = next_source_token(config)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_layers))
        self.layer_norm = LayerNorm(config.d_model, config.layer_norm_eps) if config.has_final_norm else None
        self.output_projection = nn.Linear(config.d_model, config.target_vocabulary, bias=False)
        if config.share_decoder_input_output_embed:
            self.output_projection.weight = embed_tokens.weight

    def train(self, mode: bool = True) -> TransformerDecoder:
        """As ever, counted: copies of the weights made before are old once training went on."""
        self.times_trained += mode
        super().train(mode)
        return self

    def self_mask(self, padding_mask: Tensor, new: int) -> Tensor:
        """What the last `new` positions may not see, as `masks.decoder_self_mask` has it."""
        return decoder_self_mask(padding_mask, new)

    def decode(
        self,
        prev_output_tokens: Tensor,
        memory: EncoderOutput,
        cache: DecodingCache | None = None,
        record: AttentionRecord | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The features before the projection.

        Args:
            prev_output_tokens: the target shifted right, (batch, tgt_len); with a cache still the whole prefix, of
                which only what the cache has not seen is computed.
            memory: the encoder's output for the same rows.
            cache: extended in place.
            record: gets the weights of all layers.

        Returns:
            (batch, new, d_model), and the last layer's weights over the source (batch, heads, new, src_len).
        """
        config = self.config
        seen = 0 if cache is None else cache.length
        padding_mask = prev_output_tokens.eq(config.padding_idx)
        x = self.embed(prev_output_tokens, padding_mask, seen, memory)
        x = dropout(x, config.dropout, quick=self.ways.quick_dropout) if self.training else x
        near = _near(config, causal=True)
        mask = (
            self.self_mask(padding_mask, x.size(1)) if near is None
            else padding_mask[:, max(0, seen - near.before) :]
        )
        weights: Tensor | None = None
        for index, layer in enumerate(self.layers):
            x, weights = layer(x, mask, memory, cache, index, record)
        assert weights is not None  # num_layers ≥ 1 is checked in the config
        if cache is not None:
            cache.length = prev_output_tokens.size(1)
        return (x if self.layer_norm is None else self.layer_norm(x)), weights

    def embed(
        self,
        prev_output_tokens: Tensor,
        padding_mask: Tensor,
        seen: int = 0,
        memory: EncoderOutput | None = None,
        rows: Rows | Segments | None = None,
        sparse: bool = False,
    ) -> Tensor:
        """The first layer's input before dropout.

        Args:
            prev_output_tokens: (batch, tgt_len), and
            padding_mask: where they are padded, (batch, tgt_len).
            seen: how many positions a cache has already.
            memory: the encoder's output, which the next source token is read from.
            rows: where the real tokens are, if they alone are wanted, from the first and without a next source token.
            sparse: as in `embeddings.embed`.

        Returns:
            (batch, tgt_len - seen, d_model), or (rows, d_model).
        """
        config = self.config
        numbers = positions_of(padding_mask, config.first_position)[:, seen:]
        tokens = prev_output_tokens[:, seen:]
        if rows is not None:
            tokens, numbers = rows.take(tokens, config.padding_idx), rows.take(numbers, 0)
        blank = numbers.eq(config.first_position) if config.decoder_start == "zero" else None
        limit = prev_output_tokens.size(1) + config.first_position
        also = None
        if self.next_source_token is not None and memory is not None:
            counts = self.next_source_token.count(prev_output_tokens)[:, seen:]
            also = self.next_source_token(memory.memory, memory.padding_mask, counts)
        tables = self.embed_tokens, self.embed_positions
        return embed(tokens, *tables, numbers, limit, blank=blank, also=also, sparse=sparse)


def _near(config: TransformerConfig, *, causal: bool) -> Reach | None:
    """How far self-attention sees, in the encoder or (causal) in the decoder."""
    return None if config.restricted_attention is None else reach(config.restricted_attention, causal=causal)


def _attention(config: TransformerConfig) -> MultiHeadAttention:
    widths = config.d_model, config.num_heads, config.d_k, config.d_v
    return MultiHeadAttention(*widths, bias=config.attention_bias, dropout=config.attention_dropout)
