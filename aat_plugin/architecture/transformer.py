"""Figure 1: the whole model, and the interface by which a loss is computed inside it.

`Transformer.forward` can return logits, or the sums of a loss. A loss object gets the features, the pre-softmax matrix
and the targets, so that a later one can project and sum in pieces without (tokens, V) logits ever existing; being
inside forward, it is right under every distributed wrapper.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture import unpadded
from aat_plugin.architecture.attention_record import AttentionRecord
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.embeddings import token_embedding
from aat_plugin.architecture.initialization import initialize
from aat_plugin.architecture.stacks import EncoderOutput, TransformerDecoder, TransformerEncoder
from aat_plugin.architecture.ways import Ways

Sums = TypeVar("Sums", covariant=True)


class FeatureLoss(Protocol, Generic[Sums]):
    """A loss over the model's features: it owns the projection to the vocabulary."""

    def __call__(self, features: Tensor, weight: Tensor, target: Tensor) -> Sums:
        """Sum the loss.

        Args:
            features: (batch, tgt_len, d_model).
            weight: the pre-softmax matrix, (V, d_model); shared with the embeddings where they are tied.
            target: (batch, tgt_len).
        """
        ...


class Transformer(nn.Module):
    """The model of Section 3. `encoder` and `decoder` carry fairseq's parameter names.

    Args:
        config: sizes and choices.
    """

    encoder: TransformerEncoder
    decoder: TransformerDecoder
    ways: Ways = Ways()

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        source, target = build_embeddings(config)
        self.encoder = TransformerEncoder(config, source)
        self.decoder = TransformerDecoder(config, target)
        initialize(self, config)

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        prev_output_tokens: Tensor | None = None,
        target: Tensor | None = None,
        loss: FeatureLoss[Sums] | None = None,
        record: AttentionRecord | None = None,
    ) -> tuple[Tensor, Tensor] | Sums:
        """Logits, or a loss's sums where `loss` is given.

        Args:
            src_tokens: (batch, src_len), padded on either side.
            src_lengths: (batch,); unused, fairseq passes it.
            prev_output_tokens: the target shifted right by one, (batch, tgt_len).
            target: (batch, tgt_len); needed with `loss`.
            loss: computed on the features, inside this call.
            record: gets the attention weights of all layers and heads.

        Returns:
            Logits (batch, tgt_len, V) and the last layer's weights over the source (batch, heads, tgt_len, src_len);
            or whatever `loss` returns.
        """
        if prev_output_tokens is None:
            raise TypeError("prev_output_tokens is needed; use encoder.encode for the source alone")
        matrix = self.decoder.output_projection.weight
        if loss is None:
            memory = self.encoder.encode(src_tokens, record)
            features, weights = self.decoder.decode(prev_output_tokens, memory, record=record)
            return F.linear(features, matrix), weights
        if target is None:
            raise TypeError("a loss needs the target")
        return loss(self.features(src_tokens, prev_output_tokens, record), matrix, target)

    def features(self, src_tokens: Tensor, prev_output_tokens: Tensor, record: AttentionRecord | None = None) -> Tensor:
        """What the decoder gives before the projection, (batch, tgt_len, d_model); of no meaning where padded."""
        quick = self.ways.unpadded and record is None
        own = self.decoder.output_projection.weight.dtype
        if quick and unpadded.can_leave_padding_out(self.encoder.config, src_tokens, own):
            return unpadded.features(self.encoder, self.decoder, src_tokens, prev_output_tokens)
        memory = self.encoder.encode(src_tokens, record)
        return self.decoder.decode(prev_output_tokens, memory, record=record)[0]

    def go(self, ways: Ways) -> None:
        """Compute in these ways from now on."""
        for module in self.modules():
            if hasattr(module, "ways"):
                module.ways = ways  # type: ignore[assignment]

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """Encode src_tokens (batch, src_len)."""
        return self.encoder.encode(src_tokens)


def build_embeddings(config: TransformerConfig) -> tuple[nn.Embedding, nn.Embedding]:
    """The source's and the target's table; one and the same under share_all_embeddings (Section 3.4)."""
    source = token_embedding(config.source_vocabulary, config.d_model, config.padding_idx)
    if config.share_all_embeddings:
        return source, source
    return source, token_embedding(config.target_vocabulary, config.d_model, config.padding_idx)
