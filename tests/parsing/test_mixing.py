"""Which silver sentences an epoch takes: as many as the ratio says, none again before all others came."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.errors import ConfigError
from aat_plugin.parsing.mixing import silver_of_epoch, silver_wanted


@pytest.mark.parametrize(("gold", "ratio", "wanted"), [(40, 0.0, 0), (40, 0.5, 20), (3, 425.0, 1275), (10, 0.26, 3)])
def test_an_epoch_takes_ratio_silver_sentences_for_each_gold_one(gold, ratio, wanted):
    assert silver_wanted(gold, ratio) == wanted


@pytest.mark.parametrize("ratio", [-0.1, float("inf"), float("nan")])
def test_a_ratio_that_cannot_be_is_named(ratio):
    with pytest.raises(ConfigError, match="silver_ratio="):
        silver_wanted(10, ratio)


@given(st.integers(1, 30), st.integers(0, 50), st.integers(-5, 2**40), st.integers(1, 8))
def test_no_sentence_comes_again_before_every_other_came(silver, wanted, seed, epochs):
    """After e epochs e · wanted were taken: each sentence ⌊e · wanted / silver⌋ times, or once more."""
    taken: Counter[int] = Counter()
    for epoch in range(1, epochs + 1):
        chosen = silver_of_epoch(silver, wanted, seed, epoch)
        assert len(chosen) == wanted
        assert chosen.tolist() == sorted(chosen.tolist())
        taken.update(chosen.tolist())
        least = epoch * wanted // silver
        assert all(0 <= number < silver for number in taken)
        assert {taken[number] for number in range(silver)} <= {least, least + 1}


def test_seed_and_epoch_decide_alone():
    first = silver_of_epoch(1000, 300, seed=1, epoch=2)
    assert first.tolist() == silver_of_epoch(1000, 300, seed=1, epoch=2).tolist()
    assert first.tolist() != silver_of_epoch(1000, 300, seed=2, epoch=2).tolist()
    assert first.tolist() != silver_of_epoch(1000, 300, seed=1, epoch=1).tolist()


def test_an_epochs_choice_keeps_four_bytes_a_sentence_and_not_the_whole_order():
    chosen = silver_of_epoch(100_000, 10, seed=1, epoch=1)
    assert chosen.dtype == np.int32
    assert chosen.base is None
