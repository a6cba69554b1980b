"""The Transformer's sizes and choices in the paper's symbols (Section 3), resolved and checked once.

Table 3 of the paper names most of these columns. `conventions` holds the fields whose value differs between the paper,
tensor2tensor and fairseq. Read `transformer` next, which builds the model from this.
"""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.conventions import CHOICES
from aat_plugin.errors import ConfigError, choose


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that decides the model's parameters and its function.

    Attributes:
        source_vocabulary, target_vocabulary: V, rows of the two embedding tables.
        num_layers: N, in the encoder and in the decoder each.
        d_model, d_ff: widths of Section 3.3.
        num_heads: h; `d_k` and `d_v` are free of d_model / h (Table 3, rows B).
        dropout: P_drop, on sub-layer outputs and on the embedding sums (Section 5.4).
        attention_dropout, activation_dropout: on attention weights and inside the feed-forward; 0 in the paper.
        share_all_embeddings: one matrix for both embeddings and the pre-softmax projection (Section 3.4).
        share_decoder_input_output_embed: one matrix for the target embedding and the projection.
        padding_idx: the id whose positions are padding, in sources and targets.
        max_source_positions, max_target_positions: the longest sentence in tokens; sizes the learned positions' table.
        learned_positions: Table 3, row (E).
        restricted_attention: r, the size of self-attention's neighbourhood (Table 1); None for all positions.
        counted_symbols: ids of target symbols that stand for one source token each, in order, such as the leaves of a
            tree: each decoder position is then given the encoder's output for the token that is next
            (`embeddings.NextSourceToken`). Empty, as in the paper: none.
        The rest are rows of `conventions.ROWS` with scope "model".
    """

    source_vocabulary: int
    target_vocabulary: int
    num_layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    num_heads: int = 8
    d_k: int = 64
    d_v: int = 64
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    share_all_embeddings: bool = True
    share_decoder_input_output_embed: bool = True
    padding_idx: int = 1
    max_source_positions: int = 1024
    max_target_positions: int = 1024
    learned_positions: bool = False
    restricted_attention: int | None = None
    counted_symbols: tuple[int, ...] = ()
    normalize_before: bool = False
    final_norm: str = "with_pre_norm"
    attention_bias: bool = False
    position_layout: str = "interleaved"
    position_frequencies: str = "paper"
    first_position: int = 0
    layer_norm_eps: float = 1e-5
    initialization: str = "fairseq"
    decoder_start: str = "eos"
    target_space_embedding: bool = False

    def __post_init__(self) -> None:
        """Check every field, so that a wrong one is named before anything is built.

        Raises:
            ConfigError: names the field, its value and the way out.
        """
        for name in ("source_vocabulary", "target_vocabulary", "num_layers", "d_model", "d_ff", "num_heads", "d_k",
                     "d_v", "max_source_positions", "max_target_positions"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        for name in ("dropout", "attention_dropout", "activation_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ConfigError(f"{name}={getattr(self, name)} must be in [0, 1)")
        if self.restricted_attention is not None and self.restricted_attention < 1:
            raise ConfigError(f"restricted_attention={self.restricted_attention} must be at least 1")
        if not all(0 <= symbol < self.target_vocabulary for symbol in self.counted_symbols):
            raise ConfigError(f"counted_symbols={self.counted_symbols} must be ids below {self.target_vocabulary}")
        if self.layer_norm_eps <= 0:
            raise ConfigError(f"layer_norm_eps={self.layer_norm_eps} must be above 0")
        if self.first_position < 0:
            raise ConfigError(f"first_position={self.first_position} must be at least 0")
        for name in ("final_norm", "position_layout", "position_frequencies", "initialization", "decoder_start"):
            choose(name, getattr(self, name), CHOICES[name])
        if self.d_model % 2 and not self.learned_positions:
            raise ConfigError(f"d_model={self.d_model} is odd: sinusoids come in pairs (Section 3.5)")
        if self.share_all_embeddings and self.source_vocabulary != self.target_vocabulary:
            raise ConfigError(
                f"share_all_embeddings needs one joint dictionary, but the source has {self.source_vocabulary} types "
                f"and the target {self.target_vocabulary}; binarise with --joined-dictionary or switch the sharing off"
            )
        if self.share_all_embeddings and not self.share_decoder_input_output_embed:
            raise ConfigError("share_all_embeddings includes share_decoder_input_output_embed; set that too")

    @property
    def has_final_norm(self) -> bool:
        """Whether each stack ends with a norm of its own."""
        return self.final_norm == "always" or (self.final_norm == "with_pre_norm" and self.normalize_before)


def default_head_width(d_model: int, num_heads: int) -> int:
    """d_k = d_v = d_model / h, Section 3.2.2, where the two are not given.

    Raises:
        ConfigError: d_model is no multiple of h.
    """
    if num_heads < 1 or d_model % num_heads:
        raise ConfigError(
            f"d_model={d_model} is no multiple of num_heads={num_heads}; choose another number or give d_k and d_v"
        )
    return d_model // num_heads
