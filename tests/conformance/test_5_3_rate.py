"""Section 5.3: Adam's constants, Eq. 3, and where it is after a resume."""

from __future__ import annotations

import pytest
from compared import hold, of_section
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.training.lr_schedule import noam_rate


@pytest.mark.parametrize("comparison", of_section("5.3"))
def test_the_rate_is_the_papers(comparison):
    hold(comparison)


def test_peaks_of_other_widths():
    assert noam_rate(4000, 1024, 4000) == pytest.approx(4.9410588e-04, rel=1e-7)
    assert noam_rate(4000, 256, 4000) == pytest.approx(9.8821177e-04, rel=1e-7)


@given(st.integers(1, 10**6), st.integers(1, 4096), st.integers(1, 20_000), st.floats(0.01, 10))
def test_eq_3_restated(step, d_model, warmup, factor):
    expected = factor * min(1 / step**0.5, step / warmup**1.5) / d_model**0.5
    assert noam_rate(step, d_model, warmup, factor) == pytest.approx(expected, rel=1e-12)


@given(st.integers(2, 5000))
def test_it_grows_linearly_up_to_the_warm_up_and_falls_after(warmup):
    assert noam_rate(warmup - 1, 64, warmup) < noam_rate(warmup, 64, warmup) > noam_rate(warmup + 1, 64, warmup)
    assert noam_rate(2, 64, warmup) == pytest.approx(2 * noam_rate(1, 64, warmup))


def test_no_warm_up_is_decay_from_the_start_and_step_0_is_refused():
    assert noam_rate(1, 100, 0) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="step=0"):
        noam_rate(0, 512, 4000)
