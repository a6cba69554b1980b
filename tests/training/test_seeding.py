"""Dropout's seeds: a function of three numbers, without collisions where it matters."""

from __future__ import annotations

from aat_plugin.training.seeding import DERIVED, dropout_seed

GOLDEN = [7809946253510533552, 6187182357286454978, 4620401951959911326]


def test_each_seed_update_and_micro_batch_has_a_seed_of_its_own():
    grid = [(seed, update, micro) for seed in range(8) for update in range(50) for micro in range(16)]
    seeds = {dropout_seed(*point) for point in grid}
    assert len(seeds) == len(grid)


def test_the_seeds_of_the_first_release_stay():
    # Made by dropout_seed itself: a change would give every resumed run other masks than an undisturbed one.
    assert [dropout_seed(1, 0, 0), dropout_seed(1, 1, 0), dropout_seed(2, 0, 1)] == GOLDEN


def test_no_derived_seed_is_one_that_a_user_would_set():
    for update in range(100):
        assert DERIVED <= dropout_seed(7, update, 0) < 2 * DERIVED
