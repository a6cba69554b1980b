"""Section 3.5: the sinusoids, position by position, in each layout and with each dialect's frequencies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compared import hold, of_section
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.architecture.positional_encoding import sinusoids
from aat_plugin.conformance import reference


@pytest.mark.parametrize("comparison", of_section("3.5"))
def test_the_positions_are_the_papers(comparison):
    hold(comparison)


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("frequencies", ["paper", "t2t"])
@pytest.mark.parametrize("d_model", [4, 16, 512])
def test_the_table_equals_the_formula_at_each_position(layout, frequencies, d_model):
    table = sinusoids(120, d_model, layout, frequencies).numpy()
    assert table.dtype == np.float64
    for pos in (0, 1, 2, 7, 100, 119):
        np.testing.assert_allclose(
            table[pos], reference.position(pos, d_model, layout, frequencies), rtol=0, atol=1e-12
        )


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
