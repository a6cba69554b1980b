"""The finished hypotheses of each sentence, and when a sentence is done. Section 6.1, "terminate early when possible".

"bound" is right by the following argument. An open hypothesis of log-probability s ends with at most s + g·m, where m
is the number of tokens that it may still say and g the most that one token can add: 0, or -unk_penalty where that is
positive. Its penalty lies between those of its shortest and its longest possible length, because every penalty is
monotone in the length. The quotient's maximum over that interval bounds its score; once the worst of the finished
hypotheses that are asked for reaches it, nothing that is open can matter any more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from aat_plugin.translation.length_penalty import length_penalty
from aat_plugin.translation.search_options import SearchOptions


class Kept(NamedTuple):
    """Finished hypotheses, each (sentences, beam); those not yet found have score -inf."""

    score: Tensor
    log_prob: Tensor
    step: Tensor
    """The step at which the end symbol was chosen."""
    row: Tensor
    """The row of that step which it ended."""

    def select(self, sentences: Tensor) -> Kept:
        """The sentences named by `sentences` (kept,)."""
        return Kept(*(part.index_select(0, sentences) for part in self))


class FinishedHypotheses:
    """What has been finished in a batch of sentences.

    Args:
        options: the search's.
        limits: (sentences,), the most tokens before the end symbol.
        dtype: of log-probabilities.
    """

    def __init__(self, options: SearchOptions, limits: Tensor, dtype: torch.dtype) -> None:
        self.options = options
        self.limits = limits
        shape = (limits.size(0), options.beam)
        nothing = torch.full(shape, -math.inf, dtype=dtype, device=limits.device)
        zeros = torch.zeros(shape, dtype=torch.int64, device=limits.device)
        self.kept = Kept(nothing, nothing, zeros, zeros)
        longest = length_penalty(options.length_penalty, limits + 1, options.alpha)
        self._penalty_at_limit = longest.to(dtype)

    def select(self, sentences: Tensor) -> None:
        """Keep only the sentences named by `sentences` (kept,)."""
        self.kept = self.kept.select(sentences)
        self.limits = self.limits.index_select(0, sentences)
        self._penalty_at_limit = self._penalty_at_limit.index_select(0, sentences)

    def add(self, step: int, ends: Tensor, log_prob: Tensor, row: Tensor) -> None:
        """Take in what ended at `step`, and keep `beam` of each sentence.

        Args:
            step: tokens before the end symbol.
            ends: (sentences, candidates), True where a candidate ends a hypothesis; best candidates first.
            log_prob: of the candidates, and
            row: their rows, both (sentences, candidates).
        """
        options = self.options
        if options.stops_by_count:
            # fairseq's rule: only what ends among the `beam` best candidates, and first come, first kept.
            ends, log_prob, row = ends[:, : options.beam], log_prob[:, : options.beam], row[:, : options.beam]
        score = log_prob / length_penalty(options.length_penalty, step + 1, options.alpha)
        new = Kept(
            score.masked_fill(~ends, -math.inf),
            log_prob,
            torch.full_like(row, step),
            row,
        )
        both = [torch.cat(parts, dim=1) for parts in zip(self.kept, new, strict=True)]
        rank = both[0]
        if options.stops_by_count:
            arrival = torch.arange(rank.size(1), 0, -1, dtype=rank.dtype, device=rank.device)
            rank = arrival.masked_fill(rank.eq(-math.inf), -math.inf)
        places = rank.topk(options.beam, dim=1).indices
        self.kept = Kept(*(part.gather(1, places) for part in both))

    def done(self, step: int, best_open: Tensor) -> Tensor:
        """Which sentences need no further step.

        Args:
            step: the step just taken.
            best_open: (sentences,), the largest log-probability among each sentence's open hypotheses.

        Returns:
            (sentences,), True where done.
        """
        worst_kept = self.kept.score[:, self.options.certain - 1]
        enough = worst_kept.gt(-math.inf)
        if not self.options.stops_by_count:
            enough &= worst_kept >= self._reachable(step, best_open)
        return enough | self.limits.le(step) | best_open.eq(-math.inf)

    def _reachable(self, step: int, best_open: Tensor) -> Tensor:
        """An upper bound on the score that an open hypothesis of log-probability best_open (sentences,) can reach."""
        options = self.options
        gain = max(0.0, -options.unk_penalty)
        if gain:
            best_open = best_open + gain * (self.limits - step)
        at_next = length_penalty(options.length_penalty, step + 2, options.alpha)
        smallest = self._penalty_at_limit.clamp(max=at_next)
        largest = self._penalty_at_limit.clamp(min=at_next)
        return torch.where(best_open > 0, best_open / smallest, best_open / largest)
