"""The length penalty and limits against their formulas in plain Python."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.translation.length_penalty import batch_limit, length_limits, length_penalty, sentence_limits

PAD, END = 1, 2
ALPHAS = st.floats(-2, 3)


def oracle(kind: str, length: int, alpha: float) -> float:
    """The formulas, restated."""
    return {"gnmt": math.pow((5.0 + length) / 6.0, alpha), "power": math.pow(length, alpha), "none": 1.0}[kind]


@pytest.mark.parametrize("kind", ["gnmt", "power", "none"])
@given(length=st.integers(1, 1000), alpha=ALPHAS)
def test_the_penalty_is_its_formula_for_ints_and_tensors(kind: str, length: int, alpha: float) -> None:
    expected = oracle(kind, length, alpha)
    assert length_penalty(kind, length, alpha) == pytest.approx(expected, rel=1e-12)
    tensor = length_penalty(kind, torch.tensor([[length], [length]]), alpha)
    assert tensor.dtype == torch.float64
    assert tensor.shape == (2, 1)
    assert tensor[1, 0].item() == pytest.approx(expected, rel=1e-12)


def test_golden_values_of_the_papers_penalty() -> None:
    # ((5 + 10) / 6)^0.6 and ((5 + 1) / 6)^0.6, by hand: 2.5^0.6 = exp(0.6 · ln 2.5)
    assert length_penalty("gnmt", 10, 0.6) == pytest.approx(1.7328621, abs=1e-7)
    assert length_penalty("gnmt", 1, 0.6) == 1.0


@given(alpha=ALPHAS, kind=st.sampled_from(["gnmt", "power", "none"]))
def test_the_penalty_is_monotone_in_the_length_as_the_bound_supposes(alpha: float, kind: str) -> None:
    values = [length_penalty(kind, length, alpha) for length in range(1, 60)]
    pairs = list(itertools.pairwise(values))
    assert all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="cubic"):
        length_penalty("cubic", 3, 1.0)
    with pytest.raises(ValueError, match="page"):
        length_limits("page", torch.zeros(1, 1), 1, 50, padding_idx=PAD, end_idx=END, longest=9)


@given(length=st.integers(0, 500), a=st.floats(0, 3), b=st.integers(-5, 300))
def test_limits_round_down_and_are_never_negative(length: int, a: float, b: int) -> None:
    expected = max(0, math.floor(a * length + b))
    assert sentence_limits(torch.tensor([length]), a, b).tolist() == [expected]
    assert batch_limit(length, a, b) == max(0, int(a * length + b))


def pad_to(rows: list[list[int]], width: int, left: bool) -> torch.Tensor:
    """Sentences as a padded batch."""
    return torch.tensor([[PAD] * (width - len(r)) + r if left else r + [PAD] * (width - len(r)) for r in rows])


@pytest.mark.parametrize("left", [True, False])
def test_a_sentences_limit_counts_its_words_alone_whichever_side_is_padded(left: bool) -> None:
    batch = pad_to([[5, 6, 7, END], [5, END], [5, 6, 7, 8, 9, 4, END]], 9, left)
    limits = length_limits("sentence", batch, 1, 50, padding_idx=PAD, end_idx=END, longest=1000)
    assert limits.tolist() == [53, 51, 56]
    assert limits.dtype == torch.int64


@pytest.mark.parametrize("left", [True, False])
def test_a_batchs_limit_is_one_for_all_and_counts_end_symbol_and_padding(left: bool) -> None:
    batch = pad_to([[5, 6, 7, END], [5, END]], 9, left)
    limits = length_limits("batch", batch, 1.5, 50, padding_idx=PAD, end_idx=END, longest=1000)
    assert limits.tolist() == [63, 63]


@pytest.mark.parametrize("kind", ["sentence", "batch"])
def test_no_limit_is_above_what_the_model_has_positions_for(kind: str) -> None:
    batch = pad_to([[5] * 8 + [END], [5, END]], 9, left=True)
    assert length_limits(kind, batch, 1, 2, padding_idx=PAD, end_idx=END, longest=4).max() == 4
