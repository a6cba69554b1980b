"""Section 3.4: token embeddings times sqrt(d_model), plus the positions of Section 3.5."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.positional_encoding import LearnedPositions, SinusoidalPositions

Positions = SinusoidalPositions | LearnedPositions


def token_embedding(vocabulary: int, d_model: int, padding_idx: int) -> nn.Embedding:
    """E: (vocabulary, d_model), Normal(0, d_model^-0.5), with a zero row for padding that never learns."""
    table = nn.Embedding(vocabulary, d_model, padding_idx=padding_idx)
    nn.init.normal_(table.weight, mean=0.0, std=d_model**-0.5)
    nn.init.zeros_(table.weight[padding_idx])
    return table


def position_encoding(config: TransformerConfig, max_positions: int) -> Positions:
    """The positions that `config` names; learned ones have a row for each of `max_positions` tokens."""
    if config.learned_positions:
        return LearnedPositions(max_positions + config.first_position, config.d_model)
    return SinusoidalPositions(config.d_model, config.position_layout, config.position_frequencies)


class NextSourceToken(nn.Module):
    """Which source token the next of certain target symbols stands for, and the encoder's output there (ours).

    The leaves of a tree stand for the words in order, so that a decoder that has said c of them is at word c. The paper
    leaves it to attention to find that out; here each decoder position is told, as in Ma et al. 2017, "Deterministic
    Attention for Sequence-to-Sequence Constituent Parsing".

    Args:
        symbols: ids that stand for a source token each.
        vocabulary: V of the target.
    """

    def __init__(self, symbols: Sequence[int], vocabulary: int) -> None:
        super().__init__()
        counted = torch.zeros(vocabulary, dtype=torch.int64)
        counted[list(symbols)] = 1
        self.register_buffer("counted", counted, persistent=False)
        self.counted: Tensor

    def count(self, prev_output_tokens: Tensor) -> Tensor:
        """(batch, tgt_len), int64: such symbols up to each place of (batch, tgt_len), its own included."""
        return self.counted[prev_output_tokens].cumsum(dim=1)

    def forward(self, memory: Tensor, padding_mask: Tensor, counts: Tensor) -> Tensor:
        """The encoder's output for the next token, or for the last where none is left.

        Args:
            memory: (batch, src_len, d_model).
            padding_mask: (batch, src_len), True where padded, on either side.
            counts: (batch, length), from `count`.

        Returns:
            (batch, length, d_model).
        """
        real = (~padding_mask).long()
        first = real.argmax(dim=1, keepdim=True)
        places = first + counts.minimum(real.sum(dim=1, keepdim=True) - 1)
        return memory.gather(1, places.unsqueeze(2).expand(-1, -1, memory.size(2)))


def next_source_token(config: TransformerConfig) -> NextSourceToken | None:
    """What `config` counts; None where it counts nothing."""
    if not config.counted_symbols:
        return None
    return NextSourceToken(config.counted_symbols, config.target_vocabulary)


def embed(
    tokens: Tensor,
    table: nn.Embedding,
    positions: Positions,
    numbers: Tensor,
    limit: int,
    *,
    blank: Tensor | None = None,
    extra: Tensor | None = None,
    also: Tensor | None = None,
    sparse: bool = False,
) -> Tensor:
    """sqrt(d_model) · E[token] + PE(pos). Sections 3.4 and 3.5; dropout on the sum is the caller's.

    Args:
        tokens: (batch, length).
        table: E, (V, d_model).
        positions: the encoding of Section 3.5.
        numbers: each token's position, (batch, length), below `limit`.
        limit: a bound on `numbers`, known on the host.
        blank: (batch, length), True where a zero vector stands for the embedding (tensor2tensor's decoder start).
        extra: (d_model,), added at every place (tensor2tensor's target space).
        also: (batch, length, d_model), added (`NextSourceToken`).
        sparse: give the table a sparse gradient, which is for tables whose gradient is also summed from elsewhere:
            a dense one then takes these rows in, and no (V, d_model) of zeros is made for them.

    Returns:
        (batch, length, d_model).
    """
    x: Tensor = _rows_of(table, tokens, sparse) * math.sqrt(table.embedding_dim)
    if blank is not None:
        x = x.masked_fill(blank.unsqueeze(-1), 0.0)
    if extra is not None:
        x = x + extra
    if also is not None:
        x = x + also
    summed: Tensor = x + positions(numbers, limit, x)
    return summed


def _rows_of(table: nn.Embedding, tokens: Tensor, sparse: bool) -> Tensor:
    return F.embedding(tokens, table.weight, table.padding_idx, sparse=sparse)
