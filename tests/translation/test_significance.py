"""The paired bootstrap: sacreBLEU's, over every protocol, with a plain verdict."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.translation import bleu, significance
from aat_plugin.translation.bleu import Setting

WORDS = [first + second for first in "bdfgklmn" for second in ("a", "e", "i", "o", "u")]


def corpus(rate, seed=1, lines=60):
    """References, and a system that gets a share `rate` of the words wrong."""
    generator = random.Random(seed)
    references = [" ".join(generator.choices(WORDS, k=12)) for _ in range(lines)]
    wrong = [
        " ".join("x" if generator.random() < rate else word for word in line.split()) for line in references
    ]
    return wrong, references


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_a_clearly_better_system_is_better_and_the_other_one_worse(protocol):
    good, references = corpus(0.05)
    bad, _ = corpus(0.3)
    setting = Setting(protocol)
    found = significance.compare(good, bad, references, setting, samples=200)
    assert found.verdict == "better"
    assert found.p_value < 0.05
    assert found.score == pytest.approx(bleu.score(good, references, setting).score)
    assert found.baseline == pytest.approx(bleu.score(bad, references, setting).score)
    assert significance.compare(bad, good, references, setting, samples=200).verdict == "worse"


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_counts_add_up_to_the_score(protocol):
    system, references = corpus(0.2)
    setting = Setting(protocol, lowercase=True)
    summed = significance.counts(system, references, setting).sum(axis=0)
    assert summed.shape == (10,)
    assert significance.score_of_counts(setting)(summed) == pytest.approx(
        bleu.score(system, references, setting).score
    )


def test_equal_systems_do_not_differ():
    system, references = corpus(0.2)
    found = significance.compare(system, list(system), references, Setting(), samples=100)
    assert (found.p_value, found.verdict) == (1.0, "no significant difference")


def test_systems_that_differ_in_one_word_do_not_differ_significantly():
    system, references = corpus(0.2)
    other = [system[0].replace(system[0].split()[0], "y", 1), *system[1:]]
    found = significance.compare(system, other, references, Setting(), samples=200)
    assert found.verdict == "no significant difference"


def test_p_is_the_share_of_samples_with_a_larger_centred_difference():
    good, references = corpus(0.10)
    bad, _ = corpus(0.14)
    setting = Setting("multi-bleu", tokenized=True)
    found = significance.compare(good, bad, references, setting, samples=150)
    draws = np.random.default_rng(int(found.seed)).choice(len(references), size=(150, len(references)), replace=True)

    def sampled(system):
        return np.array([
            bleu.metric(setting).corpus_score([system[i] for i in draw], [[references[i] for i in draw]]).score
            for draw in draws
        ])

    ours, theirs = sampled(good), sampled(bad)
    differences = np.abs(ours - theirs)
    centred = differences - differences.mean()
    expected = (np.sum(centred > abs(found.score - found.baseline)) + 1) / 151
    assert found.mean == pytest.approx(ours.mean())
    assert found.p_value == pytest.approx(expected)


def test_the_same_seed_gives_the_same_figures():
    good, references = corpus(0.1)
    bad, _ = corpus(0.12)
    first, second = (significance.compare(good, bad, references, Setting(), samples=50) for _ in range(2))
    assert first == second


def test_mistakes_are_named():
    with pytest.raises(DataError, match="1 hypotheses and 2 references"):
        significance.compare(["a", "b"], ["a"], ["a", "b"], Setting())
    with pytest.raises(ConfigError, match="--samples 0"):
        significance.compare(["a"], ["a"], ["a"], Setting(), samples=0)


def test_nothing_is_printed():
    code = (
        "from aat_plugin.translation import significance as s, bleu\n"
        "s.compare(['a b c d e'], ['a b c'], ['a b c d e'], bleu.Setting(), samples=5)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_two_seeds_of_one_system_come_out_different_about_one_time_in_twenty():
    setting, verdicts, one_sided = Setting("multi-bleu", tokenized=True), [], []
    for seed in range(200):
        generator = random.Random(seed)
        references = [" ".join(generator.choices(WORDS, k=12)) for _ in range(60)]
        seeds = [[" ".join("x" if generator.random() < 0.2 else word for word in line.split()) for line in references]
                 for _ in range(2)]  # fmt: skip
        found = significance.compare(*seeds, references, setting, samples=150)
        verdicts.append(found.verdict != "no significant difference")
        one_sided.append(found.p_value < significance.LEVEL)
    assert 2 <= sum(verdicts) <= 20, "5 % of 200 is 10; within 3.3 standard deviations"
    assert sum(one_sided) > sum(verdicts), "sacreBLEU's p is of one side"
