"""Table 2 as data: costs recomputed in the paper's way, and what the models themselves ask for."""

from __future__ import annotations

import pytest

from aat_plugin.results import table2
from aat_plugin.results.table2 import SYSTEMS


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
@pytest.mark.parametrize("column", table2.COLUMNS)
def test_time_devices_and_rate_give_the_published_cost_to_two_digits(system, column):
    published, training = getattr(system, f"cost_{column}"), getattr(system, f"training_{column}")
    assert (published is None) == (training is None)
    if published is not None:
        # An ensemble's published cost is eight times the rounded one of a model.
        one = float(f"{training.operations / training.models:.1e}") * training.models
        assert float(f"{one:.1e}") == pytest.approx(published, rel=0.03)


def test_the_transformers_costs_by_hand():
    base, big = SYSTEMS[-2], SYSTEMS[-1]
    assert base.training_en_de.operations == 12 * 3600 * 8 * 9.5e12
    assert big.training_en_de.operations == 3.5 * 86400 * 8 * 9.5e12


@pytest.mark.parametrize(("variation", "by_hand"), [
    # 3 × (2 · 25,000 · P + attention), P = N(3A + 2F) + Vd, attention = N · 2(q + v) · n · (S + 2T), times the updates
    ("base", 3 * (2 * 25_000 * (6 * (3 * 4 * 512**2 + 2 * 2 * 512 * 2048) + 37_000 * 512)
                  + 6 * 2 * 1024 * 30 * 75_000) * 100_000),
    ("big", 3 * (2 * 25_000 * (6 * (3 * 4 * 1024**2 + 2 * 2 * 1024 * 4096) + 37_000 * 1024)
                 + 6 * 2 * 2048 * 30 * 75_000) * 300_000),
])  # fmt: skip
def test_model_operations_are_those_of_the_architecture(variation, by_hand):
    assert table2.model_operations(variation) == pytest.approx(by_hand, rel=1e-9)


def test_the_best_published_numbers_are_the_transformers():
    assert max(system.en_de or 0 for system in SYSTEMS) == 28.4
    assert max(system.en_fr or 0 for system in SYSTEMS) == 41.8
