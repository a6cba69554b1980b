"""What a model costs, by formula: its parameters (Table 3's last column) and an update's arithmetic (Table 1).

Needs no torch, so it answers at once; a test builds every row of Table 3 and counts. A multiplication and an addition
are two operations, a backward pass is two forward ones, and looking an embedding up is free.
"""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.architecture.config import TransformerConfig

NUM_TARGET_SPACES = 32
"""Rows of tensor2tensor's target-space table; one target language uses one row, here the first."""


@dataclass(frozen=True)
class Parameters:
    """How many numbers are learned, by place.

    Attributes:
        attention: the 3N attention sub-layers, biases included.
        feed_forward: the 2N feed-forward sub-layers, biases included.
        norms: scales and biases of all norms.
        embeddings: the token tables and the pre-softmax matrix; a shared one counts once, its padding row included.
        positions: learned positions of both stacks (Table 3, row E).
        target_space: tensor2tensor's target-space table.
    """

    attention: int
    feed_forward: int
    norms: int
    embeddings: int
    positions: int
    target_space: int

    @property
    def total(self) -> int:
        """All of them."""
        places = (self.attention, self.feed_forward, self.norms, self.embeddings, self.positions, self.target_space)
        return sum(places)


def parameters(config: TransformerConfig) -> Parameters:
    """Count the parameters of `config`'s model."""
    width, layers = config.d_model, config.num_layers
    keys, values = config.num_heads * config.d_k, config.num_heads * config.d_v
    attention_biases = 2 * keys + values + width if config.attention_bias else 0
    norms = 5 * layers + (2 if config.has_final_norm else 0)
    tables = 1 if config.share_all_embeddings else 2
    rows = config.source_vocabulary + (tables - 1) * config.target_vocabulary
    if not config.share_decoder_input_output_embed:
        rows += config.target_vocabulary
    longest = config.max_source_positions + config.max_target_positions + 2 * config.first_position
    return Parameters(
        attention=3 * layers * (2 * width * keys + 2 * width * values + attention_biases),
        feed_forward=2 * layers * (2 * width * config.d_ff + config.d_ff + width),
        norms=norms * 2 * width,
        embeddings=rows * width,
        positions=longest * width if config.learned_positions else 0,
        target_space=NUM_TARGET_SPACES * width if config.target_space_embedding else 0,
    )


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one update.

    Attributes:
        matrices: a forward pass through the projections, feed-forward networks and the pre-softmax matrix.
        attention: a forward pass through Q K^T and the mixing of values, over full squares as they are computed.
    """

    matrices: float
    attention: float

    @property
    def update(self) -> float:
        """Forward and backward: three forward passes."""
        return 3 * (self.matrices + self.attention)


def operations(config: TransformerConfig, source_tokens: int, target_tokens: int, mean_length: float) -> Operations:
    """Count an update's floating-point operations, by the formulas of Section 4's Table 1 with their constants.

    Restricted self-attention counts min(n, r) keys a query, and not what its blocks compute in vain. Norms, softmax,
    activations and biases are left out: together under one percent.

    Args:
        config: the model.
        source_tokens: of an update, over all devices.
        target_tokens: the same, of the target side.
        mean_length: tokens of a sentence, averaged over tokens (a long sentence counts for each of its tokens).
    """
    width, layers = config.d_model, config.num_layers
    keys, values = config.num_heads * config.d_k, config.num_heads * config.d_v
    queries_and_output, keys_and_values = width * keys + width * values, width * keys + width * values
    attention, inner = queries_and_output + keys_and_values, 2 * width * config.d_ff
    per_source = layers * (attention + inner + keys_and_values)
    per_target = layers * (attention + inner + queries_and_output) + config.target_vocabulary * width
    matrices = 2.0 * (source_tokens * per_source + target_tokens * per_target)
    own = min(mean_length, config.restricted_attention or mean_length)
    squares = source_tokens * own + target_tokens * (own + mean_length)
    return Operations(matrices, layers * 2.0 * (keys + values) * squares)
