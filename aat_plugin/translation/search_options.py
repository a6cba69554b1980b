"""What a beam search is given and what it returns: options, the model's side of the interface, hypotheses.

The search knows no model and no dictionary: it asks a `NextTokens` for scores of the next token and tells it how the
hypotheses moved. Read `beam_search` next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from aat_plugin.conventions import CHOICES
from aat_plugin.errors import ConfigError, choose


@dataclass(frozen=True)
class SearchOptions:
    """How to search. Section 6.1's are beam 4, "gnmt" with α 0.6 and "bound".

    Attributes:
        beam: open hypotheses a sentence keeps; 1 is greedy search.
        alpha: α of the length penalty.
        length_penalty: "gnmt", "power" or "none"; see `length_penalty`.
        stop_rule: "bound" stops a sentence when none of its open hypotheses can beat the `nbest` finished ones, as
            tensor2tensor does; "count" stops it at `beam` finished ones, as fairseq does. A beam of 1 always counts.
        padding_idx: never chosen.
        end_idx: ends a hypothesis.
        unk_idx: the unknown word.
        start_idx: what the decoder reads first; fairseq's is the end symbol.
        nbest: under "bound", how many hypotheses must be the best that the search can find (more may be returned);
            None means `beam`.
        min_len: tokens before the end symbol that a hypothesis must have.
        unk_penalty: subtracted from the unknown word's log-probability; a negative one favours it.
        no_repeat_ngram: no n-gram of this size occurs twice in a hypothesis; 0 switches it off.
    """

    beam: int
    alpha: float
    length_penalty: str
    stop_rule: str
    padding_idx: int
    end_idx: int
    unk_idx: int
    start_idx: int
    nbest: int | None = None
    min_len: int = 1
    unk_penalty: float = 0.0
    no_repeat_ngram: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigError: names the option.
        """
        choose("length_penalty", self.length_penalty, CHOICES["length_penalty"])
        choose("stop_rule", self.stop_rule, CHOICES["stop_rule"])
        if self.beam < 1:
            raise ConfigError(f"beam={self.beam}: a search keeps at least one hypothesis")
        if self.nbest is not None and not 1 <= self.nbest <= self.beam:
            raise ConfigError(f"nbest={self.nbest} is not between 1 and beam={self.beam}; raise the beam")
        if self.min_len < 0 or self.no_repeat_ngram < 0:
            raise ConfigError(f"min_len={self.min_len} and no_repeat_ngram={self.no_repeat_ngram} cannot be negative")

    @property
    def stops_by_count(self) -> bool:
        """Whether a sentence stops at `beam` finished hypotheses."""
        return self.stop_rule == "count" or self.beam == 1

    @property
    def certain(self) -> int:
        """How many finished hypotheses a sentence must have before it may stop early."""
        return self.beam if self.stops_by_count or self.nbest is None else self.nbest


BLOCK = 64
"""Scores in a block; to find each block's largest is much quicker than to sort."""


class NextScores(NamedTuple):
    """A model's answer for one step."""

    scores: Tensor
    """(rows, V): log-probabilities, or logits where `log_normalizer` is given. The search changes them in place."""
    attention: Tensor | None = None
    """(rows, src_len): what was looked at in the source; kept for alignments."""
    log_normalizer: Tensor | None = None
    """(rows,): log-sum-exp of the logits; then only the candidates are normalised, not the whole vocabulary."""
    largest: Tensor | None = None
    """(rows, V // `BLOCK`): the largest score of each block, in the type of log-probabilities, where that is known."""


class ScoresInPieces(NamedTuple):
    """A model's answer a few sentences at a time: a piece is searched while a processor's cache still holds it."""

    pieces: Iterable[NextScores]
    """Of whole sentences, in the rows' order; each is made when it is asked for. Their attention is not read."""
    attention: Tensor | None = None
    """As in `NextScores`, of all rows."""


class NextTokens(Protocol):
    """The model's side of the search. Rows are hypotheses; row i belongs to sentence i // (rows per sentence)."""

    def scores(self, tokens: Tensor) -> NextScores | ScoresInPieces:
        """Score the next token.

        Args:
            tokens: (rows, length), each hypothesis so far from the start symbol on. The first call has one row a
                sentence, later ones `beam`.
        """
        ...

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """Make row i continue what was row `rows[i]` in the last call.

        Args:
            rows: (new_rows,), int64. Repeats, drops and permutes rows, but never between sentences.
            sentences: (kept,), int64, the sentences of the last call that go on, in order; None where all do. What is
                kept once a sentence (an encoder's output) need move only by these.
        """
        ...


class Constraint(Protocol):
    """Limits what hypotheses may say; its state holds one entry a row and moves with the beam."""

    def allowed(self, tokens: Tensor) -> Tensor:
        """Which next tokens are allowed, (rows, V), True where allowed; `tokens` as in `NextTokens.scores`."""
        ...

    def advance(self, rows: Tensor, tokens: Tensor) -> None:
        """Row i now continues what was row `rows[i]`, with one more token, `tokens[i]`; both (new_rows,)."""
        ...


class Hypothesis(NamedTuple):
    """One finished translation of a sentence, on the CPU."""

    tokens: Tensor
    """(length,), without start symbol, with end symbol."""
    score: float
    """log P / penalty: what hypotheses are ranked by."""
    log_prob: float
    """log P, base e, with unk_penalty taken off."""
    positional_scores: Tensor
    """(length,): each token's share of log P."""
    attention: Tensor | None
    """(length, src_len)."""
