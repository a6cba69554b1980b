"""fairseq's models, one or an ensemble, behind the search's `NextTokens`: any encoder-decoder, incremental or not.

fairseq's EnsembleModel runs the models (temperature, mean of the probabilities, mean attention). Encoder outputs move
only when sentences leave: all hypotheses of a sentence share them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from fairseq.modules import BeamableMM
from fairseq.sequence_generator import EnsembleModel
from torch import Tensor, nn

from aat_plugin.bindings.model import AatDecoder
from aat_plugin.translation.search_options import NextScores


def prepare(models: Sequence[nn.Module], beam: int, need_attention: bool) -> EnsembleModel:
    """An ensemble ready to decode.

    Args:
        models: of one vocabulary.
        beam: tells modules that multiply a sentence's hypotheses together how many there are.
        need_attention: ask models that can leave attention out (fconv, lstm) for it.
    """
    ensemble = EnsembleModel(list(models))
    ensemble.eval()
    ensemble.set_decoder_beam_size(beam)
    for module in ensemble.modules():
        if isinstance(module, BeamableMM):
            module.set_beam_size(beam)
        if need_attention and isinstance(getattr(module, "need_attn", None), bool):
            module.need_attn = True
    return ensemble


class ModelSteps:
    """One batch's decoding state.

    Args:
        ensemble: see `prepare`.
        net_input: fairseq's: src_tokens (sentences, src_len) and the like.
        beam: hypotheses a sentence has from the second step on.
        temperature: divides the logits, before each model's softmax.
    """

    def __init__(self, ensemble: EnsembleModel, net_input: Mapping[str, Any], beam: int, temperature: float) -> None:
        self.ensemble, self.temperature = ensemble, temperature
        self.states: list[dict[str, Any]] = [{} for _ in range(ensemble.models_size)]
        self.encoder_outs = ensemble.forward_encoder(net_input)
        self._first = True
        # Stock modules assume `beam` rows a sentence and keep what has the right number of rows where it is, so their
        # first step gets all rows at once. Our decoder's cache only ever selects, and computes one row.
        self._copies = 1 if all(isinstance(model.decoder, AatDecoder) for model in ensemble.models) else beam
        if self._copies > 1:
            sentences = net_input["src_tokens"].size(0)
            rows = torch.arange(sentences, device=net_input["src_tokens"].device).repeat_interleave(beam)
            self.encoder_outs = ensemble.reorder_encoder_out(self.encoder_outs, rows)

    def scores(self, tokens: Tensor) -> NextScores:
        """As `NextTokens.scores`."""
        copies = self._copies if self._first else 1
        if copies > 1:
            tokens = tokens.repeat_interleave(copies, dim=0)
        scores, attention = self.ensemble.forward_decoder(tokens, self.encoder_outs, self.states, self.temperature)
        if copies > 1:
            scores = scores[::copies].contiguous()
            attention = None if attention is None else attention[::copies]
        return NextScores(scores, attention)

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """As `NextTokens.reorder`."""
        grown = self._first and self._copies == 1
        if self._first:
            rows = rows * self._copies
            self._first = False
        self.ensemble.reorder_incremental_state(self.states, rows)
        if grown or sentences is not None:
            self.encoder_outs = self.ensemble.reorder_encoder_out(self.encoder_outs, rows)
