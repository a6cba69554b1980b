"""The package's comparisons of one section of the paper, as parameters of a test."""

from __future__ import annotations

import pytest

from aat_plugin.conformance.comparisons import Comparison, compare, comparisons


def of_section(*sections: str) -> list[object]:
    """`pytest.param`s of every comparison registered for these sections; an error where there is none."""
    found = [one for one in comparisons() if one.section in sections]
    missing = set(sections) - {one.section for one in found}
    assert not missing, f"nothing is compared for {missing}"
    return [pytest.param(one, id=f"{one.equation} {one.deviation.__name__}") for one in found]


def hold(comparison: Comparison) -> None:
    """Fail with the row where the deviation is over the tolerance."""
    outcome = compare(comparison)
    assert outcome.equal, outcome
