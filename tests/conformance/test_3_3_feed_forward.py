"""Section 3.3: Eq. 2, at every position separately and identically."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from compared import hold, of_section
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.architecture.feed_forward import feed_forward
from aat_plugin.conformance import reference


@pytest.mark.parametrize("comparison", of_section("3.3"))
def test_eq_2_is_the_papers(comparison):
    hold(comparison)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 9), st.integers(1, 5))
def test_any_widths_equal_the_formula_and_positions_do_not_meet(seed, width, inner, length):
    torch.manual_seed(seed)
    fc1, fc2 = torch.nn.Linear(width, inner).double(), torch.nn.Linear(inner, width).double()
    x = torch.randn(1, length, width, dtype=torch.float64)
    named = {f"l.fc{n}.{name}": array for n, fc in ((1, fc1), (2, fc2))
             for name, array in reference.parameters_of(fc).items()}  # fmt: skip
    out = feed_forward(x, fc1, fc2).detach()
    np.testing.assert_allclose(out[0].numpy(), reference.feed_forward(named, "l", x[0].numpy()), rtol=0, atol=1e-12)
    order = torch.randperm(length)
    torch.testing.assert_close(feed_forward(x[:, order], fc1, fc2), out[:, order], rtol=0, atol=1e-12)
