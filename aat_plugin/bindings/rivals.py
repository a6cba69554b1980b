"""The rivals under fairseq's model interface: `rivals` computes, this passes tokens, states and losses on.

`rival_systems` registers them under the names that users type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairseq.models import FairseqEncoder, FairseqEncoderDecoderModel, FairseqIncrementalDecoder
from omegaconf import DictConfig
from torch import Tensor

from aat_plugin.architecture.precision import log_softmax
from aat_plugin.architecture.transformer import FeatureLoss, Sums
from aat_plugin.bindings.flags import truth
from aat_plugin.rivals import Rival, RivalDecoder, RivalEncoder, Source, State

IncrementalState = dict[str, Any]
_STATE = "aat_rival_state"


class FairseqRivalEncoder(FairseqEncoder):
    """A rival's encoder with fairseq's interface."""

    def __init__(self, net: RivalEncoder, dictionary: Any, longest: int) -> None:
        super().__init__(dictionary)
        self.net, self.longest = net, longest

    def forward(self, src_tokens: Tensor, src_lengths: Tensor | None = None, **_: Any) -> Source:
        """Encode src_tokens (batch, src_len)."""
        return self.net.encode(src_tokens)

    def reorder_encoder_out(self, encoder_out: Source, new_order: Tensor) -> Source:
        """The rows new_order (new_batch,) of an output, for beam search."""
        return encoder_out.select(new_order)

    def max_positions(self) -> int:
        """The longest source in tokens, with the end symbol."""
        return self.longest


class FairseqRivalDecoder(FairseqIncrementalDecoder):
    """A rival's decoder with fairseq's incremental interface; its state is a `rivals.State`."""

    def __init__(self, net: RivalDecoder, dictionary: Any, longest: int) -> None:
        super().__init__(dictionary)
        self.net, self.longest = net, longest

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Source | None = None,
        incremental_state: IncrementalState | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]] | None]:
        """Logits (batch, new, V) and, under "attn", the weights over the source (batch, new, src_len) if there are."""
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        return self.output_layer(features), extra

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: Source | None = None,
        incremental_state: IncrementalState | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]] | None]:
        """Features (batch, new, embed_dim) before the projection, and the weights as `forward` returns them."""
        assert encoder_out is not None
        state = None if incremental_state is None else incremental_state.setdefault(_STATE, State())
        features, attention = self.net.decode(prev_output_tokens, encoder_out, state)
        return features, None if attention is None else {"attn": [attention]}

    def output_layer(self, features: Tensor, **_: Any) -> Tensor:
        """Features (…, embed_dim) → logits (…, V)."""
        logits: Tensor = self.net.output_projection(features)
        return logits

    def get_normalized_probs(self, net_output: Any, log_probs: bool, sample: Any = None) -> Tensor:
        """(Log-)probabilities (batch, tgt_len, V) of `forward`'s output, in at least float32."""
        normalized = log_softmax(net_output[0])
        return normalized if log_probs else normalized.exp()

    def reorder_incremental_state(self, incremental_state: IncrementalState, new_order: Tensor) -> IncrementalState:
        """Let each row continue the hypothesis new_order (rows,) names."""
        state = incremental_state.get(_STATE)
        if state is not None:
            state.reorder(new_order)
        return incremental_state

    def max_positions(self) -> int:
        """The longest target in tokens, with the end symbol."""
        return self.longest


class FairseqRival(FairseqEncoderDecoderModel):
    """A rival as a fairseq model; its forward returns a loss's sums where it is given one, as our Transformer's."""

    computes_loss = True

    def __init__(self, rival: Rival, source_dictionary: Any, target_dictionary: Any) -> None:
        config = rival.config
        super().__init__(
            FairseqRivalEncoder(rival.encoder, source_dictionary, config.max_source_positions),
            FairseqRivalDecoder(rival.decoder, target_dictionary, config.max_target_positions),
        )
        self.config = config

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        prev_output_tokens: Tensor | None = None,
        target: Tensor | None = None,
        loss: FeatureLoss[Sums] | None = None,
        **_: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor]] | None] | Sums:
        """Logits and the weights over the source under "attn" if there are; or what `loss` returns."""
        assert prev_output_tokens is not None
        features, extra = self.decoder.extract_features(prev_output_tokens, self.encoder(src_tokens))
        if loss is None:
            return self.decoder.output_layer(features), extra
        assert target is not None
        return loss(features, self.decoder.net.output_projection.weight, target)


def built(
    model: type[FairseqRival], cfg: DictConfig, task: Any, make: Callable[..., Rival], config: Callable[..., Any],
    **more: Any,
) -> FairseqRival:
    """A rival over the task's dictionaries.

    Args:
        model: the registered class.
        cfg: the model's section; its keys are the config's, but for those that start with an underscore.
        task: gives the dictionaries.
        make: config → rival.
        config: the rival's config class.
        more: values that stand in for the section's.

    Raises:
        ConfigError: names the option that cannot work.
    """
    source, target = task.source_dictionary, task.target_dictionary
    sizes = {name: cfg[name] for name in config.__dataclass_fields__ if name in cfg}  # type: ignore[attr-defined]
    sizes["share_all_embeddings"] = truth("share_all_embeddings", cfg.share_all_embeddings, default=source == target)
    sizes["share_decoder_input_output_embed"] = truth(
        "share_decoder_input_output_embed", cfg.share_decoder_input_output_embed, default=True
    )
    known = config(
        source_vocabulary=len(source), target_vocabulary=len(target), padding_idx=target.pad(), **{**sizes, **more}
    )
    return model(make(known), source, target)
