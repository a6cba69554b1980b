"""fairseq's models, one or an ensemble, behind the search's `NextTokens`: any encoder-decoder, incremental or not.

Our own models decode with packed weights and a cache of which nothing is copied when hypotheses move (`OwnSteps`).
Other models, and ensembles with one of them, are run by fairseq's EnsembleModel (`ModelSteps`); encoder outputs move
only when sentences leave: all hypotheses of a sentence share them. Both: temperature, mean of the probabilities, mean
attention.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from fairseq.modules import BeamableMM
from fairseq.sequence_generator import EnsembleModel
from torch import Tensor, nn

from aat_plugin.architecture.packed import PackedDecoder, PackedEncoder
from aat_plugin.architecture.precision import log_normalizer, read
from aat_plugin.bindings.model import AatDecoder, AatEncoder
from aat_plugin.bindings.precision import Precision
from aat_plugin.bindings.rivals import FairseqRivalDecoder
from aat_plugin.translation.search_options import BLOCK, NextScores, NextTokens, ScoresInPieces

LOGITS_AT_ONCE = 5_000_000
"""Made and searched together on a processor: memory that is used again and not asked of the system for each step."""


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


def steps(
    ensemble: EnsembleModel,
    net_input: Mapping[str, Any],
    beam: int,
    temperature: float,
    precision: Precision,
) -> NextTokens:
    """One batch's decoding state, by our own decoder where all models are ours.

    Args:
        ensemble: see `prepare`.
        net_input: fairseq's: src_tokens (sentences, src_len) and the like.
        beam: hypotheses a sentence has from the second step on.
        temperature: divides the logits, before each model's softmax.
        precision: of matrix products; other models than ours keep their own.
    """
    own = all(type(model.encoder) is AatEncoder and type(model.decoder) is AatDecoder for model in ensemble.models)
    if own and ensemble.has_incremental:  # a class derived from ours may compute something else
        return OwnSteps(ensemble, net_input["src_tokens"], beam, temperature, precision)
    return ModelSteps(ensemble, net_input, beam, temperature)


class OwnSteps:
    """One batch's decoding state; arguments as of `steps`."""

    def __init__(
        self, ensemble: EnsembleModel, src_tokens: Tensor, beam: int, temperature: float, precision: Precision
    ) -> None:
        self.temperature = temperature
        names = precision.of_weights(src_tokens.device, src_tokens.size(0) * beam)
        packed = [_packed(model, *names) for model in ensemble.models]
        self.decoders = [decoder for _, decoder in packed]
        self.caches = [decoder.begin(encoder.encode(src_tokens)) for encoder, decoder in packed]

    def scores(self, tokens: Tensor) -> ScoresInPieces:
        """As `NextTokens.scores`."""
        last = tokens[:, -1]
        answers = [decoder.step(last, cache, decoder.counts(tokens))
                   for decoder, cache in zip(self.decoders, self.caches, strict=True)]
        attention = torch.stack([weights.mean(dim=1) for _, weights in answers]).mean(dim=0)
        rows = tokens.size(0) // self.caches[0].sentences  # of a sentence
        at_once = tokens.size(0)
        if tokens.device.type == "cpu":
            at_once = max(1, LOGITS_AT_ONCE // (rows * self.decoders[0].classes)) * rows
        pieces = zip(*(features.split(at_once) for features, _ in answers), strict=True)
        return ScoresInPieces((self._next(piece) for piece in pieces), attention)

    def _next(self, features: Sequence[Tensor]) -> NextScores:
        """Each model's features (rows, d_model) of some rows → their scores."""
        logits = [decoder.logits(one) for decoder, one in zip(self.decoders, features, strict=True)]
        wide = torch.promote_types(logits[0].dtype, torch.float32)
        if self.temperature != 1.0:
            logits = [one / self.temperature for one in logits]
        if len(logits) == 1:  # searched in what the product gave
            found = read(logits[0], BLOCK)
            return NextScores(logits[0], None, found.log_normalizer, found.largest)
        logits = [one.to(wide) for one in logits]
        normalizers = [log_normalizer(one) for one in logits]
        log_probs = [one - normalizer.unsqueeze(1) for one, normalizer in zip(logits, normalizers, strict=True)]
        return NextScores(torch.stack(log_probs).logsumexp(dim=0) - math.log(len(log_probs)))

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """As `NextTokens.reorder`."""
        for cache in self.caches:
            cache.reorder(rows, sentences)


_Pack = tuple[PackedEncoder, PackedDecoder]
_packs: WeakKeyDictionary[nn.Module, tuple[object, dict[tuple[str, str], _Pack]]] = WeakKeyDictionary()


def _packed(model: Any, layers: str, vocabulary: str) -> _Pack:
    """A model's packed weights by precision, made anew when the model was trained, loaded or moved since."""
    state = (
        model.decoder.times_trained,
        [(parameter.data_ptr(), parameter._version) for parameter in model.parameters()],
    )
    held = _packs.get(model)
    if held is None or held[0] != state:
        held = _packs[model] = state, {}
    packs, names = held[1], (layers, vocabulary)
    if names not in packs:
        packs[names] = PackedEncoder(model.encoder, layers), PackedDecoder(model.decoder, layers, vocabulary)
    return packs[names]


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
        # first step gets all rows at once. Our decoders' states only ever select, and they compute one row.
        own = AatDecoder, FairseqRivalDecoder
        self._copies = 1 if all(isinstance(model.decoder, own) for model in ensemble.models) else beam
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
