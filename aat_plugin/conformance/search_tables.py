"""A "model" for the beam search, a random table from (sentence, hypothesis) to next-token scores, and oracles over it.

Section 6.1's search in its plainest forms: every hypothesis there is, and always the likeliest word. Shared by the
comparisons of Section 6 and by the tests of the search.
"""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import torch
from torch import Tensor

from aat_plugin.translation.search_options import NextScores, SearchOptions

PAD, END, UNK = 0, 1, 2


def options(**given: Any) -> SearchOptions:
    """Options over the tables' vocabulary, with plain defaults."""
    symbols: dict[str, Any] = {"padding_idx": PAD, "end_idx": END, "unk_idx": UNK, "start_idx": END}
    plain = {"beam": 4, "alpha": 0.6, "length_penalty": "gnmt", "stop_rule": "bound"}
    return SearchOptions(**{**symbols, **plain, **given})


class Table:
    """log P(next | sentence, hypothesis so far), drawn at random, the same for every caller."""

    def __init__(self, seed: int, vocabulary: int, sharpness: float = 2.0, end_bias: float = 0.0) -> None:
        self.seed, self.vocabulary, self.sharpness, self.end_bias = seed, vocabulary, sharpness, end_bias
        self._drawn: dict[tuple[int, tuple[int, ...]], list[float]] = {}

    def logits(self, sentence: int, said: tuple[int, ...]) -> list[float]:
        """Scores before normalisation, one for each type."""
        if (sentence, said) not in self._drawn:
            self._drawn[sentence, said] = self._draw(sentence, said)
        return self._drawn[sentence, said]

    def _draw(self, sentence: int, said: tuple[int, ...]) -> list[float]:
        generator = random.Random(f"{self.seed} {sentence} {said}")  # noqa: S311 - no secret
        drawn = [generator.gauss(0, self.sharpness) for _ in range(self.vocabulary)]
        drawn[END] += self.end_bias
        return drawn

    def log_probs(self, sentence: int, said: tuple[int, ...]) -> list[float]:
        """Normalised over all types, padding included."""
        drawn = self.logits(sentence, said)
        total = math.log(sum(math.exp(value) for value in drawn))
        return [value - total for value in drawn]


class TableModel:
    """`NextTokens` over a table; checks on the way that rows are told apart and moved as promised."""

    def __init__(self, table: Table, sentences: int, *, start: int = END, raw: bool = False) -> None:
        self.table, self.start, self.raw = table, start, raw
        self.of_row = list(range(sentences))
        self.state = [(start,) for _ in range(sentences)]
        self.rows_seen: list[int] = []

    def scores(self, tokens: Tensor) -> NextScores:
        """Look each row up; its remembered beginning must be the one that the reorders imply."""
        self.rows_seen.append(tokens.size(0))
        said = [tuple(row) for row in tokens.tolist()]
        assert [row[:-1] or (self.start,) for row in said] == self.state or tokens.size(1) == 1
        self.state = said
        look = self.table.logits if self.raw else self.table.log_probs
        rows = list(zip(self.of_row, said, strict=True))
        scores = torch.tensor([look(sentence, row[1:]) for sentence, row in rows], dtype=torch.float64)
        attention = torch.tensor([[float(sentence), float(len(row)), float(row[-1])] for sentence, row in rows])
        return NextScores(scores, attention, scores.logsumexp(1) if self.raw else None)

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """Move the state; rows may not cross sentences, and `sentences` must agree with `rows`."""
        old = list(dict.fromkeys(self.of_row))
        self.of_row = [self.of_row[row] for row in rows.tolist()]
        self.state = [self.state[row] for row in rows.tolist()]
        left = [old[index] for index in sentences.tolist()] if sentences is not None else old
        beam = len(rows) // len(left)
        assert self.of_row == [sentence for sentence in left for _ in range(beam)]


Scored = tuple[float, tuple[int, ...]]


def penalty(kind: str, length: int, alpha: float) -> float:
    """What log P is divided by, |Y| = length with the end symbol: Wu et al. 2016, equation 14, or |Y|^α, or nothing."""
    return {"gnmt": math.pow((5.0 + length) / 6.0, alpha), "power": math.pow(length, alpha), "none": 1.0}[kind]


def every_hypothesis(table: Table, sentence: int, limit: int, chosen: SearchOptions) -> list[Scored]:
    """All hypotheses within the limit with their normalised scores, best first: exhaustive search."""
    words = [token for token in range(table.vocabulary) if token not in (PAD, END)]
    found = []
    for length in range(chosen.min_len, limit + 1):
        for said in itertools.product(words, repeat=length):
            if repeats(said, chosen.no_repeat_ngram):
                continue
            total = table.log_probs(sentence, said)[END]
            for place, token in enumerate(said):
                total += table.log_probs(sentence, said[:place])[token] - (chosen.unk_penalty if token == UNK else 0)
            found.append((total / penalty(chosen.length_penalty, length + 1, chosen.alpha), (*said, END)))
    return sorted(found, reverse=True)


def to_the_end(table: Table, sentence: int, limit: int, chosen: SearchOptions) -> Scored:
    """The best of a beam search that never stops before the limit, in plain loops."""
    still_open: list[Scored] = [(0.0, ())]
    finished: list[Scored] = []
    for step in range(limit + 1):
        candidates: list[Scored] = []
        for total, said in still_open:
            scores = table.log_probs(sentence, said)
            words = [END] if step == limit else [t for t in range(table.vocabulary) if t != PAD and (t != END or step)]
            candidates += [(total + scores[word], (*said, word)) for word in words]
        best = sorted(candidates, reverse=True)[: 2 * chosen.beam]
        finished += [(total / penalty(chosen.length_penalty, step + 1, chosen.alpha), said)
                     for total, said in best if said[-1] == END]  # fmt: skip
        still_open = [one for one in best if one[1][-1] != END][: chosen.beam]
    return max(finished)


def repeats(said: tuple[int, ...], size: int) -> bool:
    """Whether an n-gram occurs twice."""
    ngrams = [said[place : place + size] for place in range(len(said) - size + 1)] if size else []
    return len(set(ngrams)) < len(ngrams)


def greedy(table: Table, sentence: int, limit: int) -> tuple[int, ...]:
    """Always the likeliest next token but padding, and at least one word."""
    said: tuple[int, ...] = ()
    while True:
        scores = table.log_probs(sentence, said)
        allowed = [t for t in range(table.vocabulary) if t != PAD and not (t == END and not said)]
        best = END if len(said) >= limit else max(allowed, key=scores.__getitem__)
        if best == END:
            return (*said, END)
        said = (*said, best)
