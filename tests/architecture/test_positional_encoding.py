"""Positions: counting past padding, growing tables, half precision. Their values: tests/conformance/."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.architecture.positional_encoding import (
    LearnedPositions,
    SinusoidalPositions,
    positions_of,
)
from aat_plugin.conformance import reference as oracles
from aat_plugin.errors import DataError


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=5), st.integers(0, 3))
def test_positions_count_real_tokens_whichever_side_is_padded(rows, first):
    width = max(length for length, _ in rows)
    mask = torch.tensor(
        [[True] * (width - n) + [False] * n if left else [False] * n + [True] * (width - n) for n, left in rows]
    )
    numbers = positions_of(mask, first)
    for row, (length, _) in enumerate(rows):
        assert numbers[row][~mask[row]].tolist() == list(range(first, first + length))


def test_the_table_grows_and_is_no_part_of_the_state():
    positions = SinusoidalPositions(8, "interleaved", "paper")
    like = torch.zeros(1, dtype=torch.float32)
    far = positions(torch.tensor([[3000]]), 3001, like)
    np.testing.assert_allclose(far[0, 0].numpy(), oracles.position(3000, 8), atol=1e-6)
    assert not positions.state_dict()


def test_half_precision_tables_are_rounded_once_from_float64():
    positions = SinusoidalPositions(8, "interleaved", "paper").half()
    row = positions(torch.tensor([[700]]), 701, torch.zeros(1, dtype=torch.float16))[0, 0]
    assert torch.equal(row, torch.tensor(oracles.position(700, 8)).half())


def test_learned_positions_name_the_limit_they_end_at():
    learned = LearnedPositions(10, 4)
    assert learned(torch.tensor([[9]]), 10).shape == (1, 1, 4)
    with pytest.raises(DataError, match=r"position 10.*end at 9"):
        learned(torch.tensor([[10]]), 11)
