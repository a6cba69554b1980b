"""Section 3.5 against the formula, position by position, and PAPER's printed numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.architecture.positional_encoding import (
    LearnedPositions,
    SinusoidalPositions,
    positions_of,
    sinusoids,
)
from aat_plugin.conformance import reference as oracles
from aat_plugin.errors import DataError


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("frequencies", ["paper", "t2t"])
@pytest.mark.parametrize("d_model", [4, 16, 512])
def test_the_table_equals_the_formula_at_each_position(layout, frequencies, d_model):
    table = sinusoids(120, d_model, layout, frequencies).numpy()
    assert table.dtype == np.float64
    for pos in (0, 1, 2, 7, 100, 119):
        np.testing.assert_allclose(
            table[pos], oracles.position(pos, d_model, layout, frequencies), rtol=0, atol=1e-12
        )


def test_printed_values_at_width_512():
    # Made by evaluating Section 3.5's two formulas with math.sin and math.cos, to seven digits.
    table = sinusoids(101, 512)
    first = [0.8414710, 0.5403023, 0.8218562, 0.5696950, 0.8019618, 0.5973753]
    np.testing.assert_allclose(table[1, :6].numpy(), first, atol=5e-8)
    np.testing.assert_allclose(table[1, -2:].numpy(), [0.0001037, 1.0], atol=5e-8)
    np.testing.assert_allclose(table[100, :4].numpy(), [-0.5063656, 0.8623189, 0.7975424, -0.6032629], atol=5e-8)
    np.testing.assert_allclose(table[100, -2:].numpy(), [0.0103661, 0.9999463], atol=5e-8)


def test_t2t_rates_with_four_channels_are_1_and_1e_4():
    table = sinusoids(2, 4, "halves", "t2t")
    expected = [math.sin(1), math.sin(1e-4), math.cos(1), math.cos(1e-4)]
    np.testing.assert_allclose(table[1].numpy(), expected, atol=1e-15)


@given(st.integers(1, 60), st.integers(0, 40))
def test_a_shift_is_the_same_rotation_of_each_pair_everywhere(offset, pos):
    table = sinusoids(101, 8)
    rates = [10000 ** (-2 * i / 8) for i in range(4)]
    for i, rate in enumerate(rates):
        cosine, sine = math.cos(rate * offset), math.sin(rate * offset)
        s, c = table[pos, 2 * i], table[pos, 2 * i + 1]
        assert float(table[pos + offset, 2 * i]) == pytest.approx(float(s * cosine + c * sine), abs=1e-12)
        assert float(table[pos + offset, 2 * i + 1]) == pytest.approx(float(c * cosine - s * sine), abs=1e-12)


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
