"""Section 6.1: beam search over a `NextTokens`, batched over sentences × beam, with per-sentence limits.

A step: score all next tokens, apply `token_rules`, take each sentence's 2 × beam best candidates (so that `beam` of
them stay open even if as many end), move what ended to `finished`, go on with the `beam` best open ones. Finished
sentences leave the batch. A step waits for the device once, to learn which sentences are done.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.errors import AatError
from aat_plugin.translation.finished import FinishedHypotheses, Kept
from aat_plugin.translation.history import History, Step, Traced
from aat_plugin.translation.search_options import Constraint, Hypothesis, NextScores, NextTokens, SearchOptions
from aat_plugin.translation.token_rules import TokenRules

BLOCK = 64
"""Classes in a block of `largest`."""


@torch.no_grad()
def beam_search(
    model: NextTokens,
    limits: Tensor,
    options: SearchOptions,
    prefix: Tensor | None = None,
    constraint: Constraint | None = None,
) -> list[list[Hypothesis]]:
    """Translate a batch.

    Args:
        model: scores next tokens.
        limits: (sentences,), int64: the most tokens before the end symbol; then the end is forced. On the device where
            the search is to run.
        options: how to search.
        prefix: (sentences, width), tokens that the hypotheses must begin with, each row filled up with padding.
        constraint: rules out next tokens from the hypotheses' own state.

    Returns:
        For each sentence 1 to `beam` different hypotheses, best first.

    Raises:
        AatError: a sentence has no hypothesis, because every score was NaN or -inf.
    """
    search = _Search(model, limits, options, prefix, constraint)
    while search.sentences:
        search.advance()
    return search.results()


class _Candidates(NamedTuple):
    """The best continuations of each sentence, each (sentences, candidates), best first."""

    log_prob: Tensor
    token: Tensor
    row: Tensor


class _Search:
    """The state of one search; rows are hypotheses, those of one sentence side by side."""

    def __init__(
        self,
        model: NextTokens,
        limits: Tensor,
        options: SearchOptions,
        prefix: Tensor | None,
        constraint: Constraint | None,
    ) -> None:
        self.model, self.options, self.constraint = model, options, constraint
        self.sentences = list(range(limits.size(0)))
        self.rules = TokenRules(options, limits, prefix)
        self.limits = limits
        self.tokens = torch.full((limits.size(0), 1), options.start_idx, dtype=torch.int64, device=limits.device)
        self.log_probs: Tensor | None = None
        self.parents = torch.arange(limits.size(0), device=limits.device)
        self.finished: FinishedHypotheses | None = None
        self.history = History()
        self._left: list[int] = []
        self._left_kept: list[Kept] = []

    def advance(self) -> None:
        """Take one step with all sentences that are not done."""
        step = self.tokens.size(1) - 1
        answer = self.model.scores(self.tokens)
        scores = self.rules.apply(answer.scores, self.tokens)
        if self.constraint is not None:
            scores.masked_fill_(~self.constraint.allowed(self.tokens), -math.inf)
        log_probs, finished = self._start(scores)
        self.history.record(Step(self.tokens[:, -1], log_probs, self.parents, answer.attention))
        candidates = self._candidates(answer._replace(scores=scores), log_probs)
        ends = candidates.token.eq(self.options.end_idx) & candidates.log_prob.gt(-math.inf)
        finished.add(step, ends, candidates.log_prob, candidates.row)
        still_open = _first_open(candidates, ends, self.options.beam)
        done = finished.done(step, still_open.log_prob[:, 0])
        self._go_on(still_open, finished, done.tolist())

    def _start(self, scores: Tensor) -> tuple[Tensor, FinishedHypotheses]:
        """log P of the rows and the finished hypotheses; both are made in the first step, in at least float32."""
        if self.log_probs is None or self.finished is None:
            dtype = torch.promote_types(scores.dtype, torch.float32)
            self.log_probs = torch.zeros(scores.size(0), dtype=dtype, device=scores.device)
            self.finished = FinishedHypotheses(self.options, self.limits, dtype)
        return self.log_probs, self.finished

    def _candidates(self, answer: NextScores, log_probs: Tensor) -> _Candidates:
        """The 2 × beam best continuations of each sentence."""
        sentences, wanted = len(self.sentences), 2 * self.options.beam
        rows = answer.scores.size(0) // sentences
        # A row cannot give more candidates than its sentence may have: normalise and add up these few only.
        width = min(wanted, answer.scores.size(1))
        best, tokens = largest(answer.scores, width)
        best = best.to(log_probs.dtype)
        if answer.log_normalizer is not None:
            best = best - answer.log_normalizer.to(best.dtype).unsqueeze(1)
        total = best + log_probs.unsqueeze(1)
        # A NaN can only fill its whole row: the scores come out of one normalisation.
        total = total.masked_fill(total.isnan(), -math.inf).view(sentences, rows * width)
        log_prob, place = total.topk(min(wanted, rows * width), dim=1)
        if log_prob.size(1) < wanted:
            missing = (0, wanted - log_prob.size(1))
            log_prob, place = F.pad(log_prob, missing, value=-math.inf), F.pad(place, missing)
        first_row = torch.arange(sentences, device=place.device).unsqueeze(1) * rows
        row = first_row + place.div(width, rounding_mode="floor")
        return _Candidates(log_prob, tokens.view(sentences, rows * width).gather(1, place), row)

    def _go_on(self, chosen: _Candidates, finished: FinishedHypotheses, done: list[bool]) -> None:
        """Let done sentences leave, and make `chosen` the hypotheses of the others."""
        staying: Tensor | None = None
        if any(done):
            staying = self._leave(finished, done)
            chosen = _Candidates(*(part.index_select(0, staying) for part in chosen))
        if not self.sentences:
            return
        self.parents, new = chosen.row.flatten(), chosen.token.flatten()
        self.log_probs = chosen.log_prob.flatten()
        self.tokens = torch.cat([self.tokens.index_select(0, self.parents), new.unsqueeze(1)], dim=1)
        self.model.reorder(self.parents, staying)
        if self.constraint is not None:
            self.constraint.advance(self.parents, new)

    def _leave(self, finished: FinishedHypotheses, done: list[bool]) -> Tensor:
        """Put done sentences' hypotheses aside; returns the indices of those that stay, (kept,)."""
        device = self.tokens.device
        leaving = torch.tensor([index for index, is_done in enumerate(done) if is_done], device=device)
        staying = torch.tensor([index for index, is_done in enumerate(done) if not is_done], device=device).long()
        self._left += [sentence for sentence, is_done in zip(self.sentences, done, strict=True) if is_done]
        self._left_kept.append(finished.kept.select(leaving))
        self.sentences = [sentence for sentence, is_done in zip(self.sentences, done, strict=True) if not is_done]
        finished.select(staying)
        self.rules.select(staying)
        return staying

    def results(self) -> list[list[Hypothesis]]:
        """All sentences' hypotheses in the batch's order, best first."""
        if not self._left:
            return []
        kept = Kept(*(torch.cat(parts) for parts in zip(*self._left_kept, strict=True)))
        order = kept.score.sort(dim=1, descending=True, stable=True).indices
        kept = Kept(*(part.gather(1, order) for part in kept))
        found = kept.score.gt(-math.inf)
        flat = Kept(*(part[found] for part in kept))
        traced = self.history.trace(flat.step, flat.row, flat.log_prob, self.options.end_idx)
        hypotheses = iter(_hypotheses(flat, traced))
        results: list[list[Hypothesis]] = [[] for _ in self._left]
        for sentence, count in zip(self._left, found.sum(dim=1).tolist(), strict=True):
            if count == 0:
                raise AatError(f"sentence {sentence} of the batch has no hypothesis: every score was NaN or -inf")
            results[sentence] = [next(hypotheses) for _ in range(count)]
        return results


def largest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each row and their places, largest first, as `Tensor.topk` finds them.

    On a processor that sorts a row much slower than it finds a block's largest: the best `count` lie in the `count`
    blocks with the largest best, so only these are sorted.

    Args:
        scores: (rows, V).
        count: at most V.

    Returns:
        (rows, count) values and (rows, count) places.
    """
    rows, classes = scores.shape
    blocks = classes // BLOCK
    if scores.device.type != "cpu" or blocks < 4 * count:
        return scores.topk(count, dim=1)
    even = blocks * BLOCK
    kept = scores[:, :even].view(rows, blocks, BLOCK).amax(dim=2).topk(count, dim=1).indices
    places = (kept.unsqueeze(2) * BLOCK + torch.arange(BLOCK)).view(rows, count * BLOCK)
    if even < classes:
        places = torch.cat([places, torch.arange(even, classes).expand(rows, -1)], dim=1)
    best, chosen = scores.gather(1, places).topk(count, dim=1)
    return best, places.gather(1, chosen)


def _first_open(candidates: _Candidates, ends: Tensor, beam: int) -> _Candidates:
    """The first `beam` candidates that do not end, in their order; ends is (sentences, candidates)."""
    count = ends.size(1)
    order = torch.arange(count, device=ends.device) + ends.long() * count
    places = order.topk(beam, dim=1, largest=False, sorted=True).indices
    return _Candidates(*(part.gather(1, places) for part in candidates))


def _hypotheses(kept: Kept, traced: Traced) -> list[Hypothesis]:
    """Finished hypotheses, flat (hypotheses,), cut to their lengths and brought to the CPU."""
    tokens, totals = traced.tokens.cpu(), traced.log_prob
    shares = torch.cat([totals[:, :1], totals[:, 1:] - totals[:, :-1]], dim=1).cpu()
    attention = None if traced.attention is None else traced.attention.cpu()
    return [
        Hypothesis(
            tokens[index, : step + 1],
            score,
            log_prob,
            shares[index, : step + 1],
            None if attention is None else attention[index, : step + 1],
        )
        for index, (step, score, log_prob) in enumerate(
            zip(kept.step.tolist(), kept.score.tolist(), kept.log_prob.tolist(), strict=True)
        )
    ]
