"""Groups of seeds: Student's t against its table, the bootstrap by hand, and no wolf cried under either chance."""

from __future__ import annotations

import numpy as np
import pytest

from aat_plugin.results import groups


@pytest.mark.parametrize(("t", "degrees"), [(12.706, 1), (4.303, 2), (2.776, 4), (2.228, 10), (1.98, 120)])
def test_students_t_is_the_printed_tables(t, degrees):
    assert groups.student_t(t, degrees) == pytest.approx(0.05, abs=2e-4)
    assert groups.student_t(-t, degrees) == groups.student_t(t, degrees)
    assert groups.student_t(0, degrees) == pytest.approx(1)


def accuracy(counts) -> float:
    return 100 * counts[0] / counts[1]


def seeds(generator, rate, how_many, spread, sentences=100):
    """Counts (right, words) of seeds of one system; `spread` is the deviation of a seed's own rate."""
    words = np.full(sentences, 10)
    own = np.clip(generator.normal(rate, spread, how_many), 0, 1)
    return [np.stack([generator.binomial(words, one), words], axis=1) for one in own]


def test_both_figures_by_hand():
    generator = np.random.default_rng(3)
    system, baseline = seeds(generator, 0.8, 2, 0.02), seeds(generator, 0.76, 2, 0.02)
    found = groups.compare(system, baseline, accuracy, samples=300, seed=7)
    a, b = ([accuracy(one.sum(axis=0)) for one in side] for side in (system, baseline))
    assert found.difference == pytest.approx(np.mean(a) - np.mean(b))
    t = found.difference / np.sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)  # two of each: pooled / 2 + pooled / 2
    closed = 1 - abs(t) / np.sqrt(2 + t**2)  # of two degrees of freedom
    assert found.by_seeds == pytest.approx(closed, abs=1e-6)
    draws, drawn = np.random.default_rng(7), []
    for _ in range(300):
        chosen = draws.integers(100, size=100)
        mean = [np.mean([accuracy(one[chosen].sum(axis=0)) for one in side]) for side in (system, baseline)]
        drawn.append(mean[0] - mean[1])
    far = np.abs(drawn - np.mean(drawn)) >= abs(found.difference)
    assert found.by_sentences == pytest.approx((far.sum() + 1) / 301)
    assert found.p_value == max(found.by_sentences, found.by_seeds)


@pytest.mark.parametrize("spread", [0.0, 0.05])
@pytest.mark.parametrize(("ours", "theirs"), [(3, 3), (2, 2), (4, 1)])
def test_seeds_of_one_system_come_out_different_at_most_one_time_in_twenty(spread, ours, theirs):
    generator, different, bootstrap_alone = np.random.default_rng(5), 0, 0
    trials = 300
    for _ in range(trials):
        system, baseline = (seeds(generator, 0.7, number, spread) for number in (ours, theirs))
        found = groups.compare(system, baseline, accuracy, samples=100)
        different += found.verdict != "no significant difference"
        bootstrap_alone += found.by_sentences < groups.LEVEL
    assert 1 <= different <= 27, "5 % of 300 is 15; up to 3.3 standard deviations above"
    if spread:
        assert bootstrap_alone > 0.3 * trials, "the bootstrap takes any two seeds for two systems"


def test_single_runs_have_the_bootstrap_alone_and_a_real_difference_is_found():
    generator = np.random.default_rng(6)
    one, other = seeds(generator, 0.8, 1, 0.0), seeds(generator, 0.7, 1, 0.0)
    found = groups.compare(one, other, accuracy, samples=200)
    assert found.by_seeds is None
    assert (found.p_value, found.verdict) == (found.by_sentences, "better")
    worse, better = seeds(generator, 0.6, 3, 0.02), seeds(generator, 0.8, 3, 0.02)
    assert groups.compare(worse, better, accuracy, samples=200).verdict == "worse"
    same = groups.compare(worse, worse, accuracy, samples=200)
    assert (same.p_value, same.verdict) == (1.0, "no significant difference")
