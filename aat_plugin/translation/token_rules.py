"""Rules on single tokens in a beam search: padding, unknown words, lengths, n-grams, forced beginnings.

All work in place on the scores (rows, V) of the next token, without a look at any single row from Python. Where rules
meet: the end forced at a sentence's limit beats a forced beginning, which beats min_len and n-grams.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aat_plugin.translation.search_options import SearchOptions


class TokenRules:
    """The rules of one search.

    Args:
        options: the search's.
        limits: (sentences,), the most tokens before the end symbol.
        prefix: (sentences, width), tokens that the hypotheses begin with, filled up with padding; or None. An end
            symbol in it ends the sentence there.
    """

    def __init__(self, options: SearchOptions, limits: Tensor, prefix: Tensor | None) -> None:
        self.options = options
        self.limits = limits
        self.prefix = prefix
        self._first_limit = int(limits.min()) if limits.numel() else 0

    def select(self, sentences: Tensor) -> None:
        """Keep only the sentences named by `sentences` (kept,)."""
        self.limits = self.limits.index_select(0, sentences)
        self._first_limit = int(self.limits.min()) if self.limits.numel() else 0
        if self.prefix is not None:
            self.prefix = self.prefix.index_select(0, sentences)

    def only_exclude(self, step: int) -> tuple[int, ...] | None:
        """The only scores that `apply` changes at a step, each to -inf, where it changes no more than single ones."""
        options = self.options
        prefix = 0 if self.prefix is None else self.prefix.size(1)
        if options.unk_penalty or options.no_repeat_ngram or step < prefix or step >= self._first_limit:
            return None
        return (options.padding_idx, options.end_idx) if step < options.min_len else (options.padding_idx,)

    def apply(self, scores: Tensor, tokens: Tensor, sentences: slice) -> Tensor:
        """Rule out and penalise next tokens.

        Args:
            scores: (rows, V), those of some sentences; changed in place.
            tokens: (rows, 1 + step), from the start symbol on.
            sentences: which of the search's sentences the rows are of.

        Returns:
            `scores`.
        """
        options, step, limits = self.options, tokens.size(1) - 1, self.limits[sentences]
        beam = scores.size(0) // limits.size(0)
        scores[:, options.padding_idx] = -math.inf
        if options.unk_penalty:
            scores[:, options.unk_idx] -= options.unk_penalty
        forced = self._forced(step, beam, sentences)
        wanted = scores.gather(1, forced) if forced is not None else None
        if options.no_repeat_ngram:
            ban_repeated_ngrams(scores, tokens[:, 1:], options.no_repeat_ngram, options.padding_idx)
        if step < options.min_len:
            scores[:, options.end_idx] = -math.inf
        if forced is not None and wanted is not None:
            given = forced.ne(options.padding_idx)
            scores.masked_fill_(given, -math.inf)
            # Rows without a forced token write to the padding's column, which is -inf before and after.
            scores.scatter_(1, forced, wanted)
        if step >= self._first_limit:
            self._end_at_limit(scores, step, limits.repeat_interleave(beam))
        return scores

    def _forced(self, step: int, beam: int, sentences: slice) -> Tensor | None:
        """The forced tokens of this step, (rows, 1), padding where none is forced; None behind the longest prefix."""
        if self.prefix is None or step >= self.prefix.size(1):
            return None
        forced = self.prefix[sentences, step]
        forced = forced.masked_fill(self.limits[sentences].le(step), self.options.padding_idx)
        return forced.repeat_interleave(beam).unsqueeze(1)

    def _end_at_limit(self, scores: Tensor, step: int, limits: Tensor) -> None:
        at_limit = limits.le(step).unsqueeze(1)
        end = scores[:, self.options.end_idx].clone()
        scores.masked_fill_(at_limit, -math.inf)
        scores[:, self.options.end_idx] = end


def ban_repeated_ngrams(scores: Tensor, tokens: Tensor, size: int, padding_idx: int) -> None:
    """Rule out every token that would complete an n-gram which its row has said before.

    Args:
        scores: (rows, V); changed in place. The padding's column must be -inf.
        tokens: (rows, length), what was said, without the start symbol.
        size: n.
        padding_idx: padding.
    """
    if tokens.size(1) < size:
        return
    ngrams = tokens.unfold(1, size, 1)  # (rows, length - n + 1, n)
    last = tokens[:, tokens.size(1) - size + 1 :].unsqueeze(1)  # the n - 1 tokens that the next one would follow
    repeated = ngrams[:, :, :-1].eq(last).all(dim=2)
    banned = torch.where(repeated, ngrams[:, :, -1], torch.full_like(ngrams[:, :, -1], padding_idx))
    scores.scatter_(1, banned, -math.inf)
