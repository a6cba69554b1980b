"""The automaton allows exactly the trees: brute force over every sequence, a plain restatement, walks, and a search."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_makers import data, deep, topped

from aat_plugin.conformance.search_tables import Table, TableModel, options
from aat_plugin.errors import ConfigError, DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.constraint import BracketConstraint, symbol_table
from aat_plugin.parsing.linearise import SCHEMES, Linearisation, for_symbols, for_trees, openers_in_a_row
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import Tree, read_line
from aat_plugin.translation.beam_search import beam_search

VINYALS = for_symbols("vinyals", [], [])
VOCABULARY = ["<pad>", "</s>", "<unk>", "XX", "(A", ")A", "(B", ")B", "(C", ")D"]
END = 1
TABLE = symbol_table(VINYALS, VOCABULARY, END)


def restated(said: tuple[str, ...], num_words: int, limit: int, cap: int) -> set[str]:
    """The rules in plain Python, from the words said so far."""
    leaves, stack, filled, run = 0, [], False, 0
    for symbol in said:
        run = run + 1 if symbol[0] == "(" else 0
        if symbol == "XX":
            leaves, filled = leaves + 1, True
        elif symbol[0] == "(":
            stack.append(symbol[1:])
            filled = False
        else:
            stack.pop()
            filled = True
    left, spare = num_words - leaves, limit - len(said) - (num_words - leaves) - len(stack)
    allowed = {"XX"} if left else set()
    if left and run < cap and spare >= 2:
        allowed |= {"(A", "(B"}
    if stack and filled and (len(stack) > 1 or not left):
        allowed.add(")" + stack[-1])
    if not stack and not left:
        allowed.add("</s>")
    return allowed


def after(said: tuple[str, ...], num_words: int, limit: int, cap: int) -> set[str]:
    """What the constraint allows after some symbols."""
    constraint = BracketConstraint(TABLE, torch.tensor([num_words]), torch.tensor([limit]), cap)
    for symbol in said:
        constraint.advance(torch.tensor([0]), torch.tensor([VOCABULARY.index(symbol)]))
    return names(constraint.allowed(torch.zeros(1, len(said) + 1))[0])


def names(mask: torch.Tensor) -> set[str]:
    return {VOCABULARY[index] for index in mask.nonzero().flatten().tolist()}


def is_legal(said: tuple[str, ...], num_words: int, cap: int) -> bool:
    """A whole sequence, judged with the de-lineariser and regular counting instead of an automaton."""
    if rebuild(VINYALS, said, ["w"] * num_words).malformed:
        return False
    runs = [sum(1 for _ in group) for opens, group in itertools.groupby(s[0] == "(" for s in said) if opens]
    depth, leaves = 0, 0
    for symbol in said:
        depth += {"(": 1, ")": -1}.get(symbol[0], 0)
        leaves += symbol == "XX"
        if symbol[0] == ")" and depth == 0 and leaves < num_words:
            return False
    return max(runs, default=0) <= cap


@pytest.mark.parametrize(
    ("num_words", "limit", "cap"), [(1, 5, 2), (1, 7, 9), (2, 6, 1), (2, 7, 2), (3, 6, 9), (3, 3, 2)]
)
def test_exactly_the_legal_sequences_can_be_said_and_every_state_reaches_the_end(num_words, limit, cap):
    said_all: set[tuple[str, ...]] = set()

    def walk(said: tuple[str, ...]) -> bool:
        allowed = after(said, num_words, limit, cap)
        assert allowed == restated(said, num_words, limit, cap)
        reached = "</s>" in allowed
        if reached:
            said_all.add(said)
        for symbol in allowed - {"</s>"}:
            reached = walk((*said, symbol)) or reached
        assert reached, f"stuck after {said}"
        return reached

    walk(())
    symbols = ["XX", "(A", ")A", "(B", ")B"]
    every = itertools.chain.from_iterable(itertools.product(symbols, repeat=length) for length in range(limit + 1))
    assert said_all == {said for said in every if is_legal(said, num_words, cap)}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), cap=st.integers(0, 4))
def test_random_walks_of_many_rows_never_get_stuck_and_end_in_trees(seed, cap):
    chance = random.Random(seed)
    num_words = [chance.randint(1, 6) for _ in range(12)]
    limits = [n + chance.randint(0, 9) for n in num_words]
    constraint = BracketConstraint(TABLE, torch.tensor(num_words), torch.tensor(limits), cap)
    said, owner = [() for _ in num_words], list(range(12))
    for _ in range(max(limits) + 1):
        masks = constraint.allowed(torch.zeros(len(owner), 1))
        rows, tokens = [], []
        for row, mask in enumerate(masks):
            assert names(mask) == restated(said[row], num_words[owner[row]], limits[owner[row]], cap)
            choice = chance.choice(sorted(names(mask)))
            if choice == "</s>":
                n = num_words[owner[row]]
                assert not rebuild(VINYALS, said[row], ["w"] * n).malformed
                assert len(said[row]) <= limits[owner[row]]
            else:
                rows.append(row)
                tokens.append(VOCABULARY.index(choice))
        if not rows:
            return
        order = chance.sample(range(len(rows)), len(rows))
        rows, tokens = [rows[i] for i in order], [tokens[i] for i in order]
        constraint.advance(torch.tensor(rows), torch.tensor(tokens))
        said = [(*said[row], VOCABULARY[token]) for row, token in zip(rows, tokens, strict=True)]
        owner = [owner[row] for row in rows]
    raise AssertionError("a walk went over its limit")


Scored = tuple[float, tuple[int, ...]]


def legal_best(table: Table, sentence: int, num_words: int, limit: int, cap: int) -> list[Scored]:
    """All legal hypotheses with their log P as the model gives it, not renormalised, best first."""
    found = []

    def walk(said: tuple[int, ...], total: float) -> None:
        for symbol in restated(tuple(VOCABULARY[token] for token in said), num_words, limit, cap):
            token = VOCABULARY.index(symbol)
            now = total + table.log_probs(sentence, said)[token]
            if token == END:
                found.append((now, (*said, END)))
            else:
                walk((*said, token), now)

    walk((), 0.0)
    return sorted(found, reverse=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), cap=st.integers(0, 3), rule=st.sampled_from(["bound", "count"]),
       sizes=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=3),
       beam=st.sampled_from([1, 3, 80]))
def test_inside_the_beam_search_every_hypothesis_is_a_tree_and_a_wide_beam_is_exhaustive(seed, cap, rule, sizes, beam):
    table = Table(seed, vocabulary=len(VOCABULARY))
    num_words, limits = [n for n, _ in sizes], [n + extra for n, extra in sizes]
    chosen = options(beam=beam, length_penalty="none", stop_rule=rule)
    constraint = BracketConstraint(TABLE, torch.tensor(num_words), torch.tensor(limits), cap)
    results = beam_search(TableModel(table, len(sizes)), torch.tensor(limits), chosen, constraint=constraint)
    for sentence, (found, n, limit) in enumerate(zip(results, num_words, limits, strict=True)):
        expected = legal_best(table, sentence, n, limit, cap)
        scores = {tokens: score for score, tokens in expected}
        for hypothesis in found:
            tokens = tuple(hypothesis.tokens.tolist())
            assert hypothesis.log_prob == pytest.approx(scores[tokens])
        # However many beams there are, there are no more hypotheses than trees, and all are different.
        assert 1 <= len(found) <= min(beam, len(expected))
        assert len({tuple(h.tokens.tolist()) for h in found}) == len(found)
        if beam == 80 and len(expected) <= beam:
            assert [tuple(h.tokens.tolist()) for h in found] == [tokens for _, tokens in expected]


def test_with_one_legal_move_a_wide_beam_says_just_that():
    limits = torch.tensor([2])
    constraint = BracketConstraint(TABLE, torch.tensor([2]), limits, 3)
    (found,) = beam_search(TableModel(Table(1, len(VOCABULARY)), 1), limits, options(beam=21), constraint=constraint)
    assert [hypothesis.tokens.tolist() for hypothesis in found] == [[3, 3, END]]
    assert math.isfinite(found[0].score)


def test_a_limit_below_the_words_is_refused():
    with pytest.raises(ConfigError, match="3 words cannot be parsed in 2 symbols"):
        BracketConstraint(TABLE, torch.tensor([1, 3]), torch.tensor([9, 2]), 3)


def test_only_labels_with_both_brackets_count_and_a_vocabulary_without_leaves_is_refused():
    assert "(C" not in after((), 1, 9, 9)
    assert TABLE.kind.tolist() == [0, 4, 0, 1, 2, 3, 2, 3, 0, 0]
    with pytest.raises(DataError, match="no leaf"):
        symbol_table(VINYALS, ["<pad>", "(A", ")A"], 0)


def allows(linearisation: Linearisation, trees: list[Tree], cap: int) -> list[bool]:
    """Of each tree whether the automaton would let it be said, all in one batch."""
    said = [linearisation.symbols(tree) for tree in trees]
    vocabulary = ["<pad>", "</s>", *sorted({symbol for line in said for symbol in line})]
    numbers = {symbol: number for number, symbol in enumerate(vocabulary)}
    num_words = torch.tensor([len(tree.words()) for tree in trees])
    limits = torch.tensor([len(line) for line in said])
    constraint = BracketConstraint(symbol_table(linearisation, vocabulary, 1), num_words, limits, cap)
    rows, fine = torch.arange(len(trees)), torch.ones(len(trees), dtype=torch.bool)
    for step in range(int(limits.max()) + 1):
        tokens = torch.tensor([numbers[line[step]] if step < len(line) else 1 for line in said])
        allowed = constraint.allowed(torch.zeros(len(trees), step + 1)).gather(1, tokens.unsqueeze(1)).squeeze(1)
        fine &= allowed | (limits < step)
        constraint.advance(rows, tokens)
    return fine.tolist()


@settings(deadline=None)
@given(tree=topped, scheme=st.sampled_from(SCHEMES))
def test_a_training_tree_can_always_be_said_under_the_cap_that_it_taught(tree, scheme):
    tree = Tree("TOP", [Tree("S", tree.children)])
    assert allows(for_trees(scheme, [tree]), [tree], openers_in_a_row([tree])) == [True]
    assert allows(for_trees(scheme, [tree]), [tree], openers_in_a_row([tree]) - 1) == [False]


def test_openers_in_a_row_are_counted_over_chains_and_left_edges():
    def cap(text: str) -> int:
        return openers_in_a_row([clean(read_line(text))])

    assert cap("(ROOT (NN x))") == 0
    assert cap("(S (NP (NN x)) (VP (VB y)))") == 2
    assert cap("(S (NP (NP (NP (NN x)) (POS y)) (NN z)))") == 4
    assert cap("(S (NN x) (VP (S (VP (VB y)))))") == 3
    assert openers_in_a_row([Tree("TOP", [deep(5000)])]) == 5000


def test_the_real_trees_can_all_be_said():
    trees = [clean(tree) for tree in iterate_trees(data("gum/dev.ptb"))][:120]
    for scheme in ("vinyals", "t2t"):
        fine = allows(for_trees(scheme, trees), trees, openers_in_a_row(trees))
        # A sentence of several brackets side by side is what the last-bracket rule gives up.
        assert all(ok for ok, tree in zip(fine, trees, strict=True) if len(tree.children) == 1)
