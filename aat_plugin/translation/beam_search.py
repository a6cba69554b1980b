"""Section 6.1: beam search over a `NextTokens`, batched over sentences × beam, with per-sentence limits.

A step: score all next tokens, apply `token_rules`, take each sentence's 2 × beam best candidates (so that `beam` of
them stay open even if as many end), move what ended to `finished`, go on with the `beam` best open ones. Finished
sentences leave the batch. A step waits for the device once, to learn which sentences are done.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.errors import AatError
from aat_plugin.translation.finished import FinishedHypotheses, Kept
from aat_plugin.translation.history import History, Step, Traced
from aat_plugin.translation.search_options import (
    BLOCK,
    Constraint,
    Hypothesis,
    NextScores,
    NextTokens,
    SearchOptions,
)
from aat_plugin.translation.token_rules import TokenRules


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
        log_probs, candidates = self._candidates([answer] if isinstance(answer, NextScores) else answer.pieces)
        assert self.finished is not None  # made with the first candidates
        self.history.record(Step(self.tokens[:, -1], log_probs, self.parents, answer.attention))
        ends = candidates.token.eq(self.options.end_idx) & candidates.log_prob.gt(-math.inf)
        if ends.device.type != "cpu" or bool(ends.any()):  # elsewhere to ask would be to wait
            self.finished.add(step, ends, candidates.log_prob, candidates.row)
            still_open = _first_open(candidates, ends, self.options.beam)
        else:
            still_open = _Candidates(*(part[:, : self.options.beam] for part in candidates))
        done = self.finished.done(step, still_open.log_prob[:, 0])
        self._go_on(still_open, self.finished, done.tolist())

    def _candidates(self, pieces: Iterable[NextScores]) -> tuple[Tensor, _Candidates]:
        """log P of the rows, and the 2 × beam best continuations of each sentence."""
        allowed = None if self.constraint is None else self.constraint.allowed(self.tokens)
        rows, first, found = self.tokens.size(0) // len(self.sentences), 0, []
        for piece in pieces:
            here = slice(first, first + piece.scores.size(0))
            sentences = slice(here.start // rows, here.stop // rows)
            scores, blocks = self._ruled(piece, here, sentences)
            if allowed is not None:
                scores.masked_fill_(~allowed[here], -math.inf)
            if self.log_probs is None:
                self._start(scores)
            assert self.log_probs is not None
            offset = self.log_probs[here]
            if piece.log_normalizer is not None:
                offset = offset - piece.log_normalizer
            best = largest(scores.view(-1, rows, scores.size(1)), offset.view(-1, rows), 2 * self.options.beam, blocks)
            found.append(_Candidates(best.value, best.token, best.row))
            first = here.stop
        assert self.log_probs is not None
        one = found[0] if len(found) == 1 else _Candidates(*(torch.cat(parts) for parts in zip(*found, strict=True)))
        first_row = torch.arange(0, first, rows, device=one.row.device).unsqueeze(1)
        return self.log_probs, one._replace(row=one.row + first_row)

    def _ruled(self, piece: NextScores, here: slice, sentences: slice) -> tuple[Tensor, Tensor | None]:
        """A piece's scores under the rules, and the largest of their blocks where that is still known."""
        excluded, scores, blocks = self.rules.only_exclude(self.tokens.size(1) - 1), piece.scores, piece.largest
        if blocks is None or excluded is None or self.constraint is not None:
            wide = torch.promote_types(scores.dtype, torch.float32) if scores.device.type == "cpu" else scores.dtype
            return self.rules.apply(scores.to(wide), self.tokens[here], sentences), None
        scores = self.rules.apply(scores, self.tokens[here], sentences)
        for block in {token // BLOCK for token in excluded if token < blocks.size(1) * BLOCK}:
            blocks[:, block] = scores[:, block * BLOCK : (block + 1) * BLOCK].amax(dim=1)
        return scores, blocks

    def _start(self, scores: Tensor) -> None:
        """Make log P of the rows and the finished hypotheses, in at least float32, when the first scores are known."""
        dtype = torch.promote_types(scores.dtype, torch.float32)
        self.log_probs = torch.zeros(self.tokens.size(0), dtype=dtype, device=scores.device)
        self.finished = FinishedHypotheses(self.options, self.limits, dtype)

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


class Largest(NamedTuple):
    """Sums of each sentence, largest first, each (sentences, count)."""

    value: Tensor
    row: Tensor
    """Of the sentence's rows, and"""
    token: Tensor
    """the class in it."""


def largest(scores: Tensor, offset: Tensor, count: int, of_blocks: Tensor | None = None) -> Largest:
    """The `count` largest sums of each sentence.

    To find a block's largest is much quicker than to sort it: the best `count` lie in the `count` blocks with the
    largest best, so only these are sorted.

    Args:
        scores: (sentences, rows, V); rows may lie apart in memory.
        offset: (sentences, rows), added to each row's scores, in the type of the sums. A NaN in a row, which fills it,
            or in its offset makes the row's sums -inf.
        count: how many; what a sentence has not is -inf, of row and class 0.
        of_blocks: (sentences · rows, V // BLOCK), the largest of each block, where it is known.
    """
    _, rows, classes = scores.shape
    if classes // BLOCK < 4 * count:
        value, place = _largest_sums(scores, offset.unsqueeze(2), min(count, rows * classes))
        row = place.div(classes, rounding_mode="floor")
        found = Largest(value, row, place - row * classes)
    else:
        found = _largest_of_blocks(scores, offset, count, of_blocks)
    missing = (0, count - found.value.size(1))
    if missing == (0, 0):
        return found
    return Largest(F.pad(found.value, missing, value=-math.inf), F.pad(found.row, missing), F.pad(found.token, missing))


def _largest_sums(scores: Tensor, offset: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Of scores (sentences, …) + offset, flat: (sentences, count) and their places."""
    sums = (scores.to(offset.dtype) + offset).flatten(1)
    return sums.nan_to_num_(nan=-math.inf, posinf=math.inf, neginf=-math.inf).topk(count, dim=1)


def _largest_of_blocks(scores: Tensor, offset: Tensor, count: int, of_blocks: Tensor | None) -> Largest:
    """As `largest`, where each row has more than `count` blocks; what is left behind them is looked at in full."""
    sentences, rows, classes = scores.shape
    blocks, left, width = classes // BLOCK, classes % BLOCK, scores.stride(1)  # `width`: from row to row in memory
    even = classes - left
    if of_blocks is None:
        of_blocks = scores[:, :, :even].view(sentences, rows, blocks, BLOCK).amax(dim=3)
    kept = _largest_sums(of_blocks.view(sentences, rows, blocks), offset.unsqueeze(2), count)[1]
    row = kept.div(blocks, rounding_mode="floor")
    start = kept * BLOCK + row * (width - even)
    device = scores.device
    places = (start.unsqueeze(2) + torch.arange(BLOCK, device=device)).flatten(1)
    shifts = offset.gather(1, row).repeat_interleave(BLOCK, dim=1)
    if left:
        ends = torch.arange(even, classes, device=device)
        behind = (torch.arange(rows, device=device).unsqueeze(1) * width + ends).flatten()
        places = torch.cat([places, behind.expand(sentences, -1)], dim=1)
        shifts = torch.cat([shifts, offset.repeat_interleave(left, dim=1)], dim=1)
    flat = scores.as_strided((sentences, (rows - 1) * width + classes), (scores.stride(0), 1))
    sums, chosen = _largest_sums(flat.gather(1, places), shifts, count)
    place = places.gather(1, chosen)
    row = place.div(width, rounding_mode="floor")
    return Largest(sums, row, place - row * width)


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
