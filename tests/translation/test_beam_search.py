"""The beam search over random tables: against exhaustive search, greedy search and rules restated in plain Python."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.architecture.precision import read
from aat_plugin.conformance.search_tables import (
    END,
    PAD,
    UNK,
    Scored,
    Table,
    TableModel,
    every_hypothesis,
    greedy,
    options,
    repeats,
)
from aat_plugin.errors import AatError, ConfigError
from aat_plugin.translation.beam_search import beam_search, largest
from aat_plugin.translation.finished import FinishedHypotheses
from aat_plugin.translation.search_options import BLOCK, Hypothesis, NextScores, ScoresInPieces, SearchOptions

SEEDS = st.integers(0, 10**6)
KINDS = st.sampled_from(["gnmt", "power", "none"])


def search(table: Table, limits: list[int], chosen: SearchOptions, **more) -> list[list[Hypothesis]]:
    """Search over a table."""
    model = TableModel(table, len(limits), start=chosen.start_idx, raw=more.pop("raw", False))
    return beam_search(model, torch.tensor(limits), chosen, **more)


def said(hypotheses: list[Hypothesis]) -> list[tuple[int, ...]]:
    """The tokens of each hypothesis."""
    return [tuple(hypothesis.tokens.tolist()) for hypothesis in hypotheses]


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS, kind=KINDS, alpha=st.floats(-1.5, 2.5), limits=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    end_bias=st.floats(-3, 3), nbest=st.sampled_from([1, 3, None]), unk_penalty=st.sampled_from([0.0, 1.5, -2.0]),
    min_len=st.integers(0, 1), ngram=st.integers(0, 2),
)
def test_a_wide_beam_under_the_bound_rule_is_exhaustive_search(
    seed, kind, alpha, limits, end_bias, nbest, unk_penalty, min_len, ngram
):
    table = Table(seed, vocabulary=5, end_bias=end_bias)
    chosen = options(beam=130, length_penalty=kind, alpha=alpha, nbest=nbest, unk_penalty=unk_penalty,
                     min_len=min_len, no_repeat_ngram=ngram)
    for sentence, (found, limit) in enumerate(zip(search(table, limits, chosen), limits, strict=True)):
        expected = every_hypothesis(table, sentence, limit, chosen)[: nbest or 130]
        got = found[: len(expected)]
        assert [hypothesis.score for hypothesis in got] == pytest.approx([score for score, _ in expected], abs=1e-9)
        assert said(got) == [tokens for _, tokens in expected]


@settings(max_examples=200, deadline=None)
@given(
    kind=KINDS, alpha=st.floats(-2, 3), step=st.integers(0, 12), further=st.integers(1, 40),
    log_prob=st.floats(-60, -0.1), slack=st.sampled_from([-1e-6, 1e-6]),
)
def test_the_bound_is_the_best_score_that_an_open_hypothesis_could_still_get_and_no_more(
    kind, alpha, step, further, log_prob, slack
):
    # It gets there by losing no probability at all, at whichever length is best; it has said step + 1 tokens.
    limit = step + further
    penalties = {"gnmt": lambda n: ((5 + n) / 6) ** alpha, "power": lambda n: n**alpha, "none": lambda n: 1.0}
    best = max(log_prob / penalties[kind](length) for length in range(step + 2, limit + 2))
    chosen = options(length_penalty=kind, alpha=alpha, nbest=1)
    finished = FinishedHypotheses(chosen, torch.tensor([limit]), torch.float64)
    kept = best * (1 - slack)  # slightly better than `best` where slack is positive: scores are negative
    ended = torch.tensor([[kept * penalties[kind](step + 1)]], dtype=torch.float64)
    finished.add(step, torch.tensor([[True]]), ended, torch.tensor([[0]]))
    assert finished.done(step, torch.tensor([log_prob], dtype=torch.float64)).item() == (slack > 0)


def test_the_bound_rule_stops_long_before_the_limit_and_loses_nothing():
    table = Table(3, vocabulary=5, end_bias=1.0)
    limits, chosen = [40, 40], options(beam=8, nbest=1)
    model = TableModel(table, 2)
    found = beam_search(model, torch.tensor(limits), chosen)
    assert len(model.rows_seen) < 20
    everything = FinishedHypotheses.done
    try:  # the same search with early stopping switched off
        FinishedHypotheses.done = lambda self, step, best_open: self.limits.le(step)
        to_the_end = search(table, limits, chosen)
    finally:
        FinishedHypotheses.done = everything
    assert [said(h)[0] for h in found] == [said(h)[0] for h in to_the_end]


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, end_bias=st.floats(-2, 2), limit=st.integers(1, 8), rule=st.sampled_from(["bound", "count"]))
def test_a_beam_of_one_is_greedy_search_under_either_rule(seed, end_bias, limit, rule):
    table = Table(seed, vocabulary=7, end_bias=end_bias)
    found = search(table, [limit, limit], options(beam=1, stop_rule=rule))
    assert [said(hypotheses) for hypotheses in found] == [[greedy(table, 0, limit)], [greedy(table, 1, limit)]]


def plain_count_search(table: Table, sentence: int, limit: int, chosen: SearchOptions) -> list[Scored]:
    """fairseq's rule in plain Python: ends count among the `beam` best candidates, until there are `beam` of them."""
    open_, finished = [(0.0, ())], []
    for step in range(limit + 1):
        candidates = []
        for total, tokens in open_:
            scores = table.log_probs(sentence, tokens)
            allowed = [END] if step == limit else [t for t in range(1, table.vocabulary) if t != END or step >= 1]
            candidates += [(total + scores[token], (*tokens, token)) for token in allowed]
        best = sorted(candidates, reverse=True)[: 2 * chosen.beam]
        ended = [c for c in best[: chosen.beam] if c[1][-1] == END]
        finished += ended[: chosen.beam - len(finished)]
        open_ = [c for c in best if c[1][-1] != END][: chosen.beam]
        if len(finished) == chosen.beam:
            break
    return sorted(((total / len(tokens) ** chosen.alpha, tokens) for total, tokens in finished), reverse=True)


@settings(max_examples=60, deadline=None)
@given(
    seed=SEEDS, end_bias=st.floats(-2, 3), beam=st.integers(2, 5),
    limits=st.lists(st.integers(1, 7), min_size=1, max_size=3),
)
def test_the_count_rule_is_fairseqs_restated(seed, end_bias, beam, limits):
    table = Table(seed, vocabulary=12, end_bias=end_bias)
    chosen = options(beam=beam, stop_rule="count", length_penalty="power", alpha=1.0)
    for sentence, (found, limit) in enumerate(zip(search(table, limits, chosen), limits, strict=True)):
        expected = plain_count_search(table, sentence, limit, chosen)
        assert said(found) == [tokens for _, tokens in expected]
        assert [h.score for h in found] == pytest.approx([score for score, _ in expected], abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, rule=st.sampled_from(["bound", "count"]), limits=st.lists(st.integers(1, 9), min_size=2, max_size=5))
def test_a_sentence_alone_gives_what_it_gives_in_any_batch(seed, rule, limits):
    class Shifted(Table):
        def logits(self, sentence, words):
            return super().logits(sentence + self.first, words)

    table, chosen = Table(seed, vocabulary=8), options(beam=3, stop_rule=rule)
    together = search(table, limits, chosen)
    for index, limit in enumerate(limits):
        alone = Shifted(seed, vocabulary=8)
        alone.first = index
        (found,) = search(alone, [limit], chosen)
        assert said(found) == said(together[index])
        assert [h.score for h in found] == [h.score for h in together[index]]


def test_rows_shrink_as_sentences_reach_their_own_limits():
    class NeverEnds(Table):
        def logits(self, sentence, words):
            drawn = super().logits(sentence, words)
            drawn[END] = -50.0
            return drawn

    model = TableModel(NeverEnds(5, vocabulary=9), 4)
    found = beam_search(model, torch.tensor([1, 3, 6, 3]), options(beam=3))
    assert model.rows_seen == [4, 12, 9, 9, 3, 3, 3]
    assert [{len(tokens) for tokens in said(h)} for h in found] == [{2}, {4}, {7}, {4}]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, rule=st.sampled_from(["bound", "count"]), kind=KINDS, alpha=st.floats(0, 2))
def test_hypotheses_come_best_first_all_different_and_their_parts_add_up(seed, rule, kind, alpha):
    table = Table(seed, vocabulary=9)
    chosen = options(beam=4, stop_rule=rule, length_penalty=kind, alpha=alpha)
    for sentence, found in enumerate(search(table, [6, 6], chosen)):
        scores = [hypothesis.score for hypothesis in found]
        assert scores == sorted(scores, reverse=True)
        assert len(set(said(found))) == len(found)
        for hypothesis in found:
            tokens = tuple(hypothesis.tokens.tolist())
            shares = [table.log_probs(sentence, tokens[:place])[token] for place, token in enumerate(tokens)]
            assert hypothesis.positional_scores.tolist() == pytest.approx(shares, abs=1e-9)
            assert hypothesis.log_prob == pytest.approx(sum(shares), abs=1e-9)
            penalty = {"gnmt": ((5 + len(tokens)) / 6) ** alpha, "power": len(tokens) ** alpha, "none": 1.0}[kind]
            assert hypothesis.score == pytest.approx(sum(shares) / penalty, abs=1e-9)


def test_attention_is_of_the_step_that_chose_each_token():
    for sentence, found in enumerate(search(Table(8, vocabulary=9), [6, 2, 5], options(beam=4))):
        for hypothesis in found:
            tokens = hypothesis.tokens.tolist()
            read = [END, *tokens[:-1]]  # the table's "attention": sentence, tokens read, last token read
            expected = [[sentence, place + 1, token] for place, token in enumerate(read)]
            assert hypothesis.attention.tolist() == expected


def test_normalising_only_the_candidates_gives_the_same():
    table, chosen = Table(21, vocabulary=11), options(beam=4, unk_penalty=0.7, no_repeat_ngram=2)
    plain, late = search(table, [7, 5], chosen), search(table, [7, 5], chosen, raw=True)
    assert [said(h) for h in plain] == [said(h) for h in late]
    for a, b in zip(plain, late, strict=True):
        assert [h.score for h in a] == pytest.approx([h.score for h in b], abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, min_len=st.integers(0, 6), rule=st.sampled_from(["bound", "count"]))
def test_min_len_counts_tokens_before_the_end_symbol(seed, min_len, rule):
    found = search(Table(seed, vocabulary=7, end_bias=30), [6], options(min_len=min_len, stop_rule=rule))
    # The end symbol is all but certain at every step, so the best hypothesis is as short as it may be.
    assert len(said(found[0])[0]) == min_len + 1
    assert min(len(tokens) for tokens in said(found[0])) == min_len + 1


def test_an_unknown_word_penalty_drives_unknown_words_out_or_in():
    table = Table(2, vocabulary=8)
    none = search(table, [6] * 5, options(unk_penalty=100.0))
    assert all(UNK not in tokens for found in none for tokens in said(found))
    only = search(table, [6] * 5, options(unk_penalty=-100.0))
    assert all(set(said(found)[0][:-1]) == {UNK} for found in only)
    assert only[0][0].log_prob > 0


def test_the_bound_holds_where_a_negative_penalty_makes_open_hypotheses_gain():
    # Each UNK pays, so the best hypothesis is as long as may be; a bound that trusts log P to fall would stop early.
    class Alternating(Table):
        def logits(self, sentence, words):
            drawn = [-30.0] * self.vocabulary
            drawn[UNK], drawn[END] = 1.0, 1.0
            return drawn

    chosen = options(beam=2, nbest=1, unk_penalty=-2.0, length_penalty="none")
    (found,) = search(Alternating(0, vocabulary=4), [9], chosen)
    assert said(found)[0] == (*[UNK] * 9, END)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, size=st.integers(1, 3))
def test_no_ngram_is_said_twice(seed, size):
    table = Table(seed, vocabulary=6, sharpness=3, end_bias=-4)
    found = search(table, [9, 9], options(no_repeat_ngram=size, stop_rule="count"))
    assert not any(repeats(tokens[:-1], size) for hypotheses in found for tokens in said(hypotheses))


def test_without_ngram_blocking_these_tables_do_repeat():
    found = search(Table(1, vocabulary=6, sharpness=3, end_bias=-4), [9, 9], options(stop_rule="count"))
    assert any(repeats(tokens[:-1], 1) for hypotheses in found for tokens in said(hypotheses))


@pytest.mark.parametrize("rule", ["bound", "count"])
def test_hypotheses_begin_with_their_own_prefix_however_long_each_is(rule):
    table = Table(4, vocabulary=9)
    prefix = torch.tensor([[3, 4, 5], [6, PAD, PAD], [PAD, PAD, PAD], [7, END, PAD]])
    found = search(table, [7] * 4, options(stop_rule=rule), prefix=prefix)
    assert all(tokens[:3] == (3, 4, 5) for tokens in said(found[0]))
    assert all(tokens[0] == 6 for tokens in said(found[1]))
    assert said(found[2]) == said(search(table, [7] * 3, options(stop_rule=rule))[2])
    assert said(found[3]) == [(7, END)]  # its own end symbol ends it: one hypothesis, and no copies of it
    forced = table.log_probs(3, ())[7] + table.log_probs(3, (7,))[END]
    assert found[3][0].log_prob == pytest.approx(forced, abs=1e-9)


def test_a_prefix_wins_over_min_len_and_ngrams_and_the_limit_wins_over_a_prefix():
    table = Table(4, vocabulary=9)
    prefix = torch.tensor([[3, 3, END], [5, 5, 5]])
    found = search(table, [7, 2], options(min_len=2, no_repeat_ngram=1), prefix=prefix)
    assert said(found[0]) == [(3, 3, END)]
    assert said(found[1]) == [(5, 5, END)]


def test_padding_is_never_said():
    class LikesPadding(Table):
        def logits(self, sentence, words):
            drawn = super().logits(sentence, words)
            drawn[PAD] = 20.0
            return drawn

    for found in search(LikesPadding(1, vocabulary=7), [5] * 4, options(beam=3)):
        assert all(PAD not in tokens for tokens in said(found))


def test_a_vocabulary_smaller_than_the_beam_gives_what_there_is():
    (found,) = search(Table(1, vocabulary=4), [1], options(beam=50))
    assert sorted(said(found)) == [(2, END), (3, END)]


def test_a_start_symbol_of_its_own_is_read_and_not_returned():
    table = Table(6, vocabulary=9)
    (found,) = search(table, [5], options(start_idx=8))
    assert said(found) == said(search(table, [5], options())[0])  # the table looks at what follows the start symbol


def test_a_constraint_moves_with_the_beam_and_masks_without_renormalising():
    class OddThenEven:
        """Allows odd words after even ones and the reverse; its state is the parity of each row's last word."""

        def __init__(self, rows: int) -> None:
            self.parity = torch.ones(rows, dtype=torch.int64)

        def allowed(self, tokens):
            words = torch.arange(9)
            mask = words.remainder(2).unsqueeze(0).ne(self.parity.unsqueeze(1))
            assert tokens.size(1) == 1 or tokens[:, -1].remainder(2).eq(self.parity).all()
            mask[:, END] = True
            return mask

        def advance(self, rows, tokens):
            assert int(rows.max()) < len(self.parity)
            self.parity = tokens.remainder(2)

    table = Table(4, vocabulary=9)
    for sentence, found in enumerate(search(table, [6, 4], options(beam=3), constraint=OddThenEven(2))):
        for hypothesis in found:
            tokens = hypothesis.tokens.tolist()
            assert [token % 2 for token in tokens[:-1]] == [place % 2 for place in range(len(tokens) - 1)]
            raw = sum(table.log_probs(sentence, tuple(tokens[:i]))[token] for i, token in enumerate(tokens))
            assert hypothesis.log_prob == pytest.approx(raw, abs=1e-9)


class Broken:
    """A model whose scores are NaN for one of its sentences."""

    def __init__(self, bad: int) -> None:
        self.bad, self.of_row = bad, [0, 1]

    def scores(self, tokens):
        scores = torch.zeros(tokens.size(0), 6)
        scores[torch.tensor(self.of_row) == self.bad] = math.nan
        return NextScores(scores.log_softmax(1))

    def reorder(self, rows, sentences):
        self.of_row = [self.of_row[row] for row in rows.tolist()]


def test_a_sentence_without_any_finite_score_is_named():
    with pytest.raises(AatError, match="sentence 1 of the batch"):
        beam_search(Broken(1), torch.tensor([4, 4]), options())


def test_an_empty_batch_gives_no_hypotheses():
    assert search(Table(1, vocabulary=5), [], options()) == []


@pytest.mark.parametrize(("option", "value"), [
    ("beam", 0), ("nbest", 5), ("nbest", 0), ("min_len", -1), ("stop_rule", "never"), ("length_penalty", "cubic"),
    ("no_repeat_ngram", -1),
])
def test_an_option_that_cannot_work_is_refused_by_name(option, value):
    with pytest.raises(ConfigError, match=option):
        options(**{option: value})


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS, sentences=st.integers(1, 3), rows=st.integers(1, 5), classes=st.integers(1, 3000),
    count=st.integers(1, 12), broken=st.booleans(), apart=st.sampled_from([0, 0, 5]), known=st.booleans(),
)  # fmt: skip
def test_the_largest_sums_are_those_that_sorting_finds(seed, sentences, rows, classes, count, broken, apart, known):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.full((sentences, rows, classes + apart), math.inf, dtype=torch.float64)[:, :, :classes]
    scores.copy_(torch.randperm(scores.numel(), generator=generator).view(scores.shape))
    scores[0, 0, : classes // 2] = -math.inf
    offset = torch.rand((sentences, rows), generator=generator, dtype=torch.float64) * classes
    if broken:
        scores[-1, -1] = math.nan
    blocks = [[max(row[start : start + BLOCK]) for start in range(0, classes - BLOCK + 1, BLOCK)]
              for row in scores.flatten(0, 1).nan_to_num(math.nan).tolist()]  # fmt: skip
    found = largest(scores, offset, count, torch.tensor(blocks, dtype=torch.float64) if known else None)
    for values, where, tokens, table, more in zip(*found, scores.tolist(), offset.tolist(), strict=True):
        sums = [[-math.inf if math.isnan(score) else score + of_row for score in row]
                for row, of_row in zip(table, more, strict=True)]  # fmt: skip
        wanted = sorted((one for row in sums for one in row), reverse=True)[:count]
        assert values.tolist() == wanted + [-math.inf] * (count - len(wanted))
        places = list(zip(where.tolist(), tokens.tolist(), strict=True))[: len(wanted)]
        assert [sums[row][token] for row, token in places] == wanted


class Wide:
    """A vocabulary of many blocks, scored by the tokens' own numbers; says the largest of each block, or keeps it."""

    def __init__(self, sentences: int, says: bool) -> None:
        self.says, self.of_row = says, torch.arange(sentences)

    def scores(self, tokens):
        numbers = torch.arange(1, 2001, dtype=torch.float64)
        seeds = (self.of_row * 7 + (tokens * torch.arange(1, tokens.size(1) + 1)).sum(dim=1)).double()
        logits = torch.sin(seeds.unsqueeze(1) * 0.37 + numbers * numbers * 0.011) * 6
        logits[:, PAD] += 9.0  # the best of its block, were it not ruled out
        logits[:, END] += 8.0
        found = read(logits, BLOCK)
        return NextScores(logits, None, found.log_normalizer, found.largest if self.says else None)

    def reorder(self, rows, sentences):
        self.of_row = self.of_row[rows]


@pytest.mark.parametrize("chosen", [
    {}, {"min_len": 3}, {"unk_penalty": 4.0}, {"no_repeat_ngram": 1}, {"stop_rule": "count", "beam": 3},
])  # fmt: skip
@pytest.mark.parametrize("prefix", [None, torch.tensor([[700, 12], [15, PAD], [PAD, PAD]])])
def test_a_search_that_is_told_each_blocks_largest_says_the_same(chosen, prefix):
    asked = options(**{"beam": 2, **chosen})
    plain, told = (beam_search(Wide(3, says), torch.tensor([6, 4, 5]), asked, prefix) for says in (False, True))
    assert [said(one) for one in told] == [said(one) for one in plain]
    assert all(len(one) == asked.beam for one in told)


class InPieces(TableModel):
    """A table that answers `at_once` sentences at a time."""

    def __init__(self, table: Table, sentences: int, at_once: int) -> None:
        super().__init__(table, sentences, raw=True)
        self.at_once = at_once

    def scores(self, tokens):
        whole = super().scores(tokens)
        rows = self.at_once * self.of_row.count(self.of_row[0])
        parts = zip(whole.scores.split(rows), whole.log_normalizer.split(rows), strict=True)
        return ScoresInPieces((NextScores(scores, None, normalizer) for scores, normalizer in parts), whole.attention)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, sentences=st.integers(1, 5), at_once=st.integers(1, 3), ngram=st.sampled_from([0, 2]))
def test_scores_in_pieces_are_searched_as_the_whole(seed, sentences, at_once, ngram):
    table, limits = Table(seed, vocabulary=9), torch.tensor([3 + n for n in range(sentences)])
    chosen = options(beam=3, no_repeat_ngram=ngram)
    for prefix in (None, torch.tensor([[4 + n % 2, PAD if n % 3 else 5] for n in range(sentences)])):
        whole = beam_search(TableModel(table, sentences, raw=True), limits, chosen, prefix)
        pieces = beam_search(InPieces(table, sentences, at_once), limits, chosen, prefix)
        assert [said(one) for one in pieces] == [said(one) for one in whole]
        for one, other in zip(pieces, whole, strict=True):
            assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-12)
            assert all(torch.equal(h.attention, k.attention) for h, k in zip(one, other, strict=True))
