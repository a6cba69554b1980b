"""`aat_transformer` and its presets: fairseq's model interface over `architecture` (Section 3, Table 3).

A preset is a dataclass with other defaults and a registered class of its own: fairseq silently ignores architecture
functions under Hydra, and this works the same from flags. Read `architecture.stacks` for the layers themselves.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.models import (
    BaseFairseqModel,
    FairseqEncoder,
    FairseqEncoderDecoderModel,
    FairseqIncrementalDecoder,
    register_model,
)
from omegaconf import II, DictConfig
from torch import Tensor, nn

from aat_plugin.architecture import (
    DecodingCache,
    EncoderOutput,
    Transformer,
    TransformerConfig,
    TransformerDecoder,
    TransformerEncoder,
    default_head_width,
)
from aat_plugin.architecture.initialization import initialize
from aat_plugin.architecture.precision import log_softmax
from aat_plugin.architecture.transformer import FeatureLoss, Sums, build_embeddings
from aat_plugin.architecture.ways import Ways
from aat_plugin.bindings import governed
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.flags import governed_flag, switch, truth
from aat_plugin.errors import ConfigError

IncrementalState = dict[str, Any]
_CACHE = "aat_decoding_cache"


@dataclass
class AatTransformerConfig(FairseqDataclass):
    """The model's options, in the paper's symbols; the defaults are the base model's (Table 3, row base)."""

    num_layers: int = field(default=6, metadata={"help": "N: layers in the encoder and in the decoder (Section 3.1)"})
    d_model: int = field(default=512, metadata={"help": "width of the model (Section 3.1)"})
    d_ff: int = field(default=2048, metadata={"help": "inner width of the feed-forward network (Section 3.3)"})
    num_heads: int = field(default=8, metadata={"help": "h: attention heads (Section 3.2.2)"})
    d_k: Optional[int] = field(default=None, metadata={"help": "width of a head's keys; default d_model / num_heads"})
    d_v: Optional[int] = field(default=None, metadata={"help": "width of a head's values; default d_model / num_heads"})
    dropout: float = field(default=0.1, metadata={"help": "P_drop: on sub-layers and embedding sums (Section 5.4)"})
    learned_positions: Optional[str] = switch("learn the positions instead of sinusoids (Table 3, row E)")
    unpadded: Optional[str] = switch("train on real tokens alone; on GPUs by flash attention (default true)")
    quick_dropout: Optional[str] = switch("draw dropout's masks 16 bits a value, on processors (default true)")
    fused_residual: Optional[str] = switch("dropout, sum and norm as one operation (default true)")
    half_rows: Optional[str] = switch("with bf16: bf16 between products too, post-norm (default true)")
    restricted_attention: Optional[int] = field(default=None, metadata={"help": "r: self-attention's reach (Table 1)"})
    next_word: Optional[str] = switch(
        "parsing: give each decoder position the encoder's output for the next leaf's word; not the paper's"
    )
    share_all_embeddings: Optional[str] = switch(
        "one matrix for both embeddings and the projection (Section 3.4); default: whether the dictionaries are equal"
    )
    share_decoder_input_output_embed: Optional[str] = switch(
        "one matrix for the target embedding and the projection (Section 3.4); default true"
    )
    max_source_positions: int = II("task.max_source_positions")
    max_target_positions: int = II("task.max_target_positions")
    convention: Optional[str] = governed_flag("paper | t2t_release | t2t_head | fairseq")
    normalize_before: Optional[str] = switch("norm before each sub-layer")
    final_norm: Optional[str] = governed_flag("with_pre_norm | never | always: a norm after each stack's last layer")
    attention_bias: Optional[str] = switch("biases in the attention's projections")
    position_layout: Optional[str] = governed_flag("interleaved | halves")
    position_frequencies: Optional[str] = governed_flag("paper | t2t")
    first_position: Optional[int] = governed_flag("the number of a sentence's first token")
    layer_norm_eps: Optional[float] = governed_flag("added to the variance in layer normalisation")
    initialization: Optional[str] = governed_flag("glorot | joined | fairseq")
    attention_dropout: Optional[float] = governed_flag("dropout on the attention weights")
    activation_dropout: Optional[float] = governed_flag("dropout inside the feed-forward network")
    decoder_start: Optional[str] = governed_flag("eos | zero: what the decoder reads first")
    target_space_embedding: Optional[str] = switch("tensor2tensor's learned row on every encoder input")


@dataclass
class AatTransformerTinyConfig(AatTransformerConfig):
    """A size for small corpora and two processor cores; not the paper's."""

    num_layers: int = 4
    d_model: int = 128
    d_ff: int = 256
    num_heads: int = 4


@dataclass
class AatTransformerBaseConfig(AatTransformerConfig):
    """Table 3, row base."""


@dataclass
class AatTransformerBigConfig(AatTransformerConfig):
    """Table 3, row big: 1024 wide, 16 heads, P_drop 0.3."""

    d_model: int = 1024
    d_ff: int = 4096
    num_heads: int = 16
    dropout: float = 0.3


@dataclass
class AatTransformerParsingConfig(AatTransformerConfig):
    """Section 6.3: 4 layers, d_model 1024, the rest as base; words and brackets have tables of their own."""

    num_layers: int = 4
    d_model: int = 1024


class AatEncoder(TransformerEncoder, FairseqEncoder):
    """The encoder with fairseq's interface."""

    def __init__(self, config: TransformerConfig, dictionary: Any, embed_tokens: nn.Embedding) -> None:
        TransformerEncoder.__init__(self, config, embed_tokens)
        self.dictionary = dictionary

    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None, **_: Any) -> EncoderOutput:
        """Encode src_tokens (batch, src_len)."""
        return self.encode(src_tokens)

    def reorder_encoder_out(self, encoder_out: EncoderOutput, new_order: Tensor) -> EncoderOutput:
        """The rows new_order (new_batch,) of an output, for beam search."""
        return encoder_out.select(new_order)

    def max_positions(self) -> int:
        """The longest source in tokens, with the end symbol."""
        return self.config.max_source_positions


class AatDecoder(TransformerDecoder, FairseqIncrementalDecoder):
    """The decoder with fairseq's incremental interface; its state is a `DecodingCache`."""

    def __init__(self, config: TransformerConfig, dictionary: Any, embed_tokens: nn.Embedding) -> None:
        TransformerDecoder.__init__(self, config, embed_tokens)
        self.dictionary = dictionary
        self.onnx_trace = False
        self.adaptive_softmax = None

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput | None = None,
        incremental_state: IncrementalState | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Logits (batch, new, V) and, under "attn", the mean weights over the source (batch, new, src_len)."""
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        return self.output_layer(features), extra

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOutput | None = None,
        incremental_state: IncrementalState | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]]]:
        """Features (batch, new, d_model) before the projection, and the weights as `forward` returns them."""
        assert encoder_out is not None
        cache: DecodingCache | None = None
        if incremental_state is not None:
            cache = incremental_state.setdefault(_CACHE, DecodingCache(self.config.num_layers))
        features, weights = self.decode(prev_output_tokens, encoder_out, cache)
        return features, {"attn": [weights.mean(dim=1)]}

    def output_layer(self, features: Tensor, **_: Any) -> Tensor:
        """Features (…, d_model) → logits (…, V)."""
        logits: Tensor = self.output_projection(features)
        return logits

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Any = None) -> Tensor:
        """(Log-)probabilities (batch, tgt_len, V) of `forward`'s output, in at least float32."""
        normalized = log_softmax(net_output[0])
        return normalized if log_probs else normalized.exp()

    def reorder_incremental_state(self, incremental_state: IncrementalState, new_order: Tensor) -> IncrementalState:
        """Let each row continue the hypothesis new_order (rows,) names."""
        cache = incremental_state.get(_CACHE)
        if cache is not None:
            cache.reorder(new_order)
        return incremental_state

    def max_positions(self) -> int:
        """The longest target in tokens, with the end symbol."""
        return self.config.max_target_positions


class AatTransformerModel(Transformer, FairseqEncoderDecoderModel):
    """The Transformer of Section 3 as a fairseq model; with `loss` and `target` its forward returns the loss's sums.

    `complete` says that nothing was taken out of it, so that it can be exported; see `whatif`.
    """

    computes_loss = True
    complete = True
    decoder_class = AatDecoder

    def __init__(self, config: TransformerConfig, source_dictionary: Any, target_dictionary: Any) -> None:
        BaseFairseqModel.__init__(self)
        self.config = config
        self.convention = "paper"
        source, target = build_embeddings(config)
        self.encoder = AatEncoder(config, source_dictionary, source)
        self.decoder = self.decoder_class(config, target_dictionary, target)
        initialize(self, config)

    @classmethod
    @user_facing
    def build_model(cls, cfg: DictConfig, task: Any) -> "AatTransformerModel":
        """Build the model that `cfg` describes over the task's dictionaries, and store what was resolved.

        Raises:
            ConfigError: names the option that cannot work.
        """
        config, stored = transformer_config(cfg, task.source_dictionary, task.target_dictionary, task)
        model = cls(config, task.source_dictionary, task.target_dictionary)
        model.convention = str(stored["convention"])
        ways = Ways(**{one.name: truth(one.name, cfg.get(one.name), default=True) for one in fields(Ways)})
        model.go(ways)
        stored |= asdict(ways)
        governed.store(cfg, "model", stored)
        return model

    def forward(  # type: ignore[override]
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        prev_output_tokens: Tensor | None = None,
        target: Tensor | None = None,
        loss: FeatureLoss[Sums] | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]]] | Sums:
        """As `Transformer.forward`; without a loss, logits and the mean weights over the source under "attn"."""
        output = Transformer.forward(self, src_tokens, src_lengths, prev_output_tokens, target, loss)
        if loss is not None:
            return output  # type: ignore[return-value]
        logits, weights = output  # type: ignore[misc]
        return logits, {"attn": [weights.mean(dim=1)]}


def transformer_config(
    cfg: DictConfig, source: Any, target: Any, task: Any = None
) -> tuple[TransformerConfig, dict[str, Any]]:
    """Resolve the options of `AatTransformerConfig` over two dictionaries.

    Args:
        cfg: the model's section.
        source: the source dictionary, and
        target: the target's.
        task: whose `leaf_symbols` are counted under next_word.

    Returns:
        The model's config, and every resolved option for the checkpoint.

    Raises:
        ConfigError: names the option that cannot work.
    """
    values: dict[str, Any] = dict(governed.resolve(cfg, "model"))
    shared = truth("share_all_embeddings", cfg.share_all_embeddings, default=source == target)
    if shared and source != target:
        raise ConfigError(
            f"share_all_embeddings needs one joint dictionary, but the source has {len(source)} types and the target "
            f"{len(target)}, not all the same; binarise with --joined-dictionary or switch the sharing off"
        )
    values.update(
        num_layers=cfg.num_layers,
        d_model=cfg.d_model,
        d_ff=cfg.d_ff,
        num_heads=cfg.num_heads,
        d_k=cfg.d_k if cfg.d_k is not None else default_head_width(cfg.d_model, cfg.num_heads),
        d_v=cfg.d_v if cfg.d_v is not None else default_head_width(cfg.d_model, cfg.num_heads),
        dropout=cfg.dropout,
        learned_positions=truth("learned_positions", cfg.learned_positions, default=False),
        restricted_attention=cfg.restricted_attention,
        share_all_embeddings=shared,
        share_decoder_input_output_embed=truth(
            "share_decoder_input_output_embed", cfg.share_decoder_input_output_embed, default=True
        ),
        max_source_positions=cfg.max_source_positions,
        max_target_positions=cfg.max_target_positions,
    )
    config = TransformerConfig(
        source_vocabulary=len(source), target_vocabulary=len(target), padding_idx=target.pad(),
        counted_symbols=_counted(cfg, task), **values,
    )  # fmt: skip
    return config, {**values, "next_word": bool(config.counted_symbols), "convention": governed.dialect_of(cfg)}


def _counted(cfg: DictConfig, task: Any) -> tuple[int, ...]:
    """The ids of the symbols that stand for words, under next_word."""
    if not truth("next_word", cfg.get("next_word"), default=False):
        return ()
    if not hasattr(task, "leaf_symbols"):
        raise ConfigError("next_word is for trees, whose leaves stand for words; use it with the task aat_parsing")
    return tuple(task.leaf_symbols())


@register_model("aat_transformer", dataclass=AatTransformerConfig)
class AatTransformer(AatTransformerModel):
    """The base model's sizes, each of them an option."""


@register_model("aat_transformer_tiny", dataclass=AatTransformerTinyConfig)
class AatTransformerTiny(AatTransformerModel):
    """For small corpora."""


@register_model("aat_transformer_base", dataclass=AatTransformerBaseConfig)
class AatTransformerBase(AatTransformerModel):
    """Table 3, row base."""


@register_model("aat_transformer_big", dataclass=AatTransformerBigConfig)
class AatTransformerBig(AatTransformerModel):
    """Table 3, row big."""


@register_model("aat_transformer_parsing", dataclass=AatTransformerParsingConfig)
class AatTransformerParsing(AatTransformerModel):
    """Section 6.3."""
