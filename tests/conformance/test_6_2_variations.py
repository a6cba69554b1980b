"""Section 6.2: Table 3's sizes and parameters. tests/architecture/test_cost.py builds every row."""

from __future__ import annotations

import pytest
from compared import hold, of_section


@pytest.mark.parametrize("comparison", of_section("6.2"))
def test_the_rows_are_the_papers(comparison):
    hold(comparison)
