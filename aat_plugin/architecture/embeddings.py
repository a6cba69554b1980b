"""Section 3.4: token embeddings times sqrt(d_model), plus the positions of Section 3.5."""

from __future__ import annotations

import math

from torch import Tensor, nn

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


def embed(
    tokens: Tensor,
    table: nn.Embedding,
    positions: Positions,
    numbers: Tensor,
    limit: int,
    *,
    blank: Tensor | None = None,
    extra: Tensor | None = None,
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

    Returns:
        (batch, length, d_model).
    """
    x: Tensor = table(tokens) * math.sqrt(table.embedding_dim)
    if blank is not None:
        x = x.masked_fill(blank.unsqueeze(-1), 0.0)
    if extra is not None:
        x = x + extra
    summed: Tensor = x + positions(numbers, limit, x)
    return summed
