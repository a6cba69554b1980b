"""What the rivals share: sizes of the vocabulary, tied tables, the source as the decoder reads it, the decoding state.

A rival is an encoder and a decoder. The encoder turns a batch of sources, padded on either side, into a `Source`; the
decoder turns the targets so far into features of one width, which one matrix projects to the vocabulary. With a `State`
it computes only what is new, and gives the same. Sentences do not see one another, nor padding, nor later targets.

As in Section 3.4 one table serves the source, the target and the projection where the dictionaries are the same; it is
multiplied by the root of its width where tokens are looked up. None of the rivals' papers does so; it is done here so
that systems of equal parameters spend them alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.errors import ConfigError


@dataclass(frozen=True)
class RivalConfig:
    """What every rival is told.

    Attributes:
        source_vocabulary, target_vocabulary: rows of the tables.
        embed_dim: the tables' width.
        dropout: the probability; each rival says where.
        share_all_embeddings: one table for source, target and projection.
        share_decoder_input_output_embed: one table for target and projection.
        padding_idx: the id whose positions are padding, in sources and targets.
        max_source_positions, max_target_positions: the longest sentence in tokens.
    """

    source_vocabulary: int
    target_vocabulary: int
    embed_dim: int = 512
    dropout: float = 0.1
    share_all_embeddings: bool = True
    share_decoder_input_output_embed: bool = True
    padding_idx: int = 1
    max_source_positions: int = 1024
    max_target_positions: int = 1024

    def __post_init__(self) -> None:
        """Check every size, so that a wrong one is named before anything is built.

        Raises:
            ConfigError: names the field, its value and the way out.
        """
        for name, value in vars(self).items():
            if isinstance(value, int) and not isinstance(value, bool) and name != "padding_idx" and value < 1:
                raise ConfigError(f"{name}={value} must be at least 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout={self.dropout} must be in [0, 1)")
        if self.share_all_embeddings and self.source_vocabulary != self.target_vocabulary:
            raise ConfigError(
                f"share_all_embeddings needs one joint dictionary, but the source has {self.source_vocabulary} types "
                f"and the target {self.target_vocabulary}; binarise with --joined-dictionary or switch the sharing off"
            )
        if self.share_all_embeddings and not self.share_decoder_input_output_embed:
            raise ConfigError("share_all_embeddings includes share_decoder_input_output_embed; set that too")


class Source(NamedTuple):
    """The encoded sources of a batch."""

    tensors: tuple[Tensor, ...]
    """What the rival's decoder reads; the first dimension of each is the batch."""
    lengths: Tensor
    """(batch,), tokens of each source, end symbol included."""
    columns: Tensor
    """(batch, src_len): the column of the batch in which each sentence's n-th token stood; padding's come last."""

    def select(self, rows: Tensor) -> Source:
        """The rows named by `rows` (new_batch,), repeated or dropped."""
        return Source(
            tuple(one.index_select(0, rows) for one in self.tensors),
            self.lengths.index_select(0, rows),
            self.columns.index_select(0, rows),
        )

    def real(self) -> Tensor:
        """(batch, src_len), True where the n-th place holds a token."""
        return before(self.lengths, self.columns.size(1))

    def in_columns(self, weights: Tensor) -> Tensor:
        """Weights over tokens (batch, tgt_len, src_len) as weights over the batch's columns."""
        return torch.zeros_like(weights).scatter(2, self.columns.unsqueeze(1).expand_as(weights), weights)


class Decoded(NamedTuple):
    """What a decoder computed."""

    features: Tensor
    """(batch, new, embed_dim), before the projection to the vocabulary."""
    attention: Tensor | None
    """(batch, new, src_len), weights over the source's columns; None for a rival that has no such thing."""


@dataclass
class State:
    """What incremental decoding keeps between steps.

    Attributes:
        length: targets that were read so far.
        tensors: by name; the first dimension of each is the row.
    """

    length: int = 0
    tensors: dict[str, Tensor] = field(default_factory=dict)

    def reorder(self, rows: Tensor) -> None:
        """Let each row continue the hypothesis that `rows` (new_batch,) names."""
        self.tensors = {name: one.index_select(0, rows) for name, one in self.tensors.items()}


class RivalEncoder(nn.Module):
    """Sources to what the decoder reads.

    Args:
        config: sizes.
        table: the source's embedding.
    """

    def __init__(self, config: RivalConfig, table: nn.Embedding) -> None:
        super().__init__()
        self.padding_idx, self.dropout = config.padding_idx, config.dropout
        self.embed_tokens = table

    def encode(self, src_tokens: Tensor) -> Source:
        """Encode src_tokens (batch, src_len), padded on either side."""
        aligned, columns = align_left(src_tokens, self.padding_idx)
        lengths = aligned.ne(self.padding_idx).sum(dim=1)
        return Source(self.read(aligned, lengths), lengths, columns)

    def read(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """`Source.tensors` of tokens (batch, src_len) that begin in the first column, `lengths` (batch,) of them."""
        raise NotImplementedError


class RivalDecoder(nn.Module):
    """Targets so far to features.

    Args:
        config: sizes.
        table: the target's embedding.
        projection: (…, embed_dim) → (…, V).
    """

    def __init__(self, config: RivalConfig, table: nn.Embedding, projection: nn.Linear) -> None:
        super().__init__()
        self.padding_idx, self.dropout = config.padding_idx, config.dropout
        self.embed_tokens, self.output_projection = table, projection

    def decode(self, prev_output_tokens: Tensor, source: Source, state: State | None = None) -> Decoded:
        """Features of every position, or with `state` of those that it has not seen.

        Args:
            prev_output_tokens: the targets shifted right by one, (batch, tgt_len), padded on either side; with `state`
                the whole prefix, without padding on the left.
            source: of the same rows.
            state: begins as `State()`; it is changed.
        """
        if state is not None:
            decoded = self.unfold(prev_output_tokens, source, state)
            state.length = prev_output_tokens.size(1)
            return decoded
        if not bool(prev_output_tokens[:, 0].eq(self.padding_idx).any()):
            return self.unfold(prev_output_tokens, source, State())
        aligned, columns = align_left(prev_output_tokens, self.padding_idx)
        features, attention = self.unfold(aligned, source, State())
        back = columns.argsort(dim=1).unsqueeze(-1)
        return Decoded(
            features.gather(1, back.expand_as(features)),
            None if attention is None else attention.gather(1, back.expand_as(attention)),
        )

    def unfold(self, tokens: Tensor, source: Source, state: State) -> Decoded:
        """The positions of `tokens` (batch, tgt_len) after the first `state.length`; padding only at the end."""
        raise NotImplementedError


class Rival(nn.Module):
    """An encoder and a decoder.

    Args:
        config: sizes.
        encoder: and
        decoder: classes over a config and tables.
    """

    def __init__(self, config: Any, encoder: type[RivalEncoder], decoder: type[RivalDecoder]) -> None:
        super().__init__()
        source, target, projection = tables(config)
        self.config = config
        self.encoder = encoder(config, source)
        self.decoder = decoder(config, target, projection)

    def forward(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits (batch, tgt_len, V) and attention (batch, tgt_len, src_len) or None."""
        features, attention = self.decoder.decode(prev_output_tokens, self.encoder.encode(src_tokens))
        logits: Tensor = self.decoder.output_projection(features)
        return logits, attention


def tables(config: RivalConfig) -> tuple[nn.Embedding, nn.Embedding, nn.Linear]:
    """The source's table, the target's and the projection, shared as the config says."""
    source = table(config.source_vocabulary, config)
    target = source if config.share_all_embeddings else table(config.target_vocabulary, config)
    projection = nn.Linear(config.embed_dim, config.target_vocabulary, bias=False)
    if config.share_decoder_input_output_embed:
        projection.weight = target.weight
    else:
        nn.init.normal_(projection.weight, std=config.embed_dim**-0.5)
    return source, target, projection


def table(size: int, config: RivalConfig) -> nn.Embedding:
    """A table of `size` rows, Normal(0, embed_dim^-0.5), padding's row zero."""
    made = nn.Embedding(size, config.embed_dim, config.padding_idx)
    nn.init.normal_(made.weight, std=config.embed_dim**-0.5)
    nn.init.zeros_(made.weight[config.padding_idx])
    return made


def looked_up(module: RivalEncoder | RivalDecoder, tokens: Tensor) -> Tensor:
    """Embeddings (batch, length, embed_dim) of tokens, scaled to unit size, with dropout."""
    width = module.embed_tokens.embedding_dim
    embedded: Tensor = module.embed_tokens(tokens)
    return F.dropout(embedded * math.sqrt(width), module.dropout, module.training)


def laid_out(module: RivalEncoder, tokens: Tensor, lengths: Tensor, places: int) -> Tensor:
    """Embeddings of tokens (batch, src_len) in `places` of them, zero behind each sentence: (batch, places, embed_dim).

    Args:
        module: whose table and dropout.
        tokens: that begin in the first column, `lengths` (batch,) of them.
        lengths: none of them over
        places: how many there shall be.
    """
    embedded = looked_up(module, tokens) * before(lengths, tokens.size(1)).unsqueeze(2)
    return F.pad(embedded, (0, 0, 0, max(places - embedded.size(1), 0)))[:, :places]


def align_left(tokens: Tensor, padding_idx: int) -> tuple[Tensor, Tensor]:
    """Move each row's padding behind its tokens.

    Args:
        tokens: (batch, length).
        padding_idx: padding's id.

    Returns:
        The moved tokens, and for each new place the column that it came from; both (batch, length).
    """
    columns = tokens.eq(padding_idx).int().argsort(dim=1, stable=True)
    return tokens.gather(1, columns), columns


def before(lengths: Tensor, width: int) -> Tensor:
    """(batch, width), True in the first `lengths` (batch,) columns of each row."""
    return torch.arange(width, device=lengths.device) < lengths.unsqueeze(1)
