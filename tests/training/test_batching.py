"""Section 5.1's updates: restated in plain Python, then their properties on any lengths."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.errors import ConfigError
from aat_plugin.training.batching import UpdateSize, plan_epoch
from aat_plugin.training.packs import even_padded_cuts, padded_sizes

LENGTHS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=120)
COMMON = dict(max_examples=60, deadline=None)


def sides(pairs):
    table = np.array(pairs, dtype=np.int32)
    return table[:, 0], table[:, 1]


def newspaper(sentences, seed=0):
    """Lengths like a newspaper's: log-normal, the target's near the source's."""
    generator = np.random.default_rng(seed)
    source = np.exp(generator.normal(3.0, 0.6, sentences))
    target = source * np.exp(generator.normal(0.0, 0.2, sentences))
    return tuple(np.clip(np.rint(one), 1, 250).astype(np.int32) + 1 for one in (source, target))


def of_each_update(plan, tokens):
    return np.array([tokens[plan.update(number)].sum() for number in range(plan.updates)])


def groups_in_plain_python(source, target, updates, groups):
    """Each group's lengths: sorted by source and, up and down, target; cut where the running total is nearest."""
    pairs = sorted(zip(source.tolist(), target.tolist(), strict=True),
                   key=lambda pair: (pair[0], pair[1] * (-1) ** pair[0]))  # fmt: skip
    total = [0]
    for pair in pairs:
        total.append(total[-1] + sum(pair))
    cuts = []
    for number in range(updates * groups + 1):
        wanted = total[-1] * number / (updates * groups)
        above = min(bisect_left(total, wanted), len(pairs))
        below = max(above - 1, 0)
        cuts.append(below if wanted - total[below] < total[above] - wanted else above)
    return [sorted(pairs[begin:end]) for begin, end in pairwise(cuts)]


def test_an_update_has_one_group_of_each_stratum_restated_in_plain_python():
    generator = np.random.default_rng(4)
    source = generator.integers(0, 12, 4000).astype(np.int32)  # so many of each length that each is a band of its own
    target = (source + generator.integers(1, 8, 4000)).astype(np.int32)
    plan = plan_epoch(source, target, UpdateSize(500, 4), packs=4)
    updates = -(-int(target.sum()) // 500)
    assert plan.updates == updates
    expected = groups_in_plain_python(source, target, updates, 4)
    used = [False] * len(expected)
    for number in range(updates):
        bounds = plan.bounds[number]
        for stratum in range(4):
            sentences = plan.order[bounds[stratum] : bounds[stratum + 1]]
            found = sorted(zip(source[sentences].tolist(), target[sentences].tolist(), strict=True))
            of_stratum = range(stratum * updates, (stratum + 1) * updates)
            which = next(group for group in of_stratum if not used[group] and expected[group] == found)
            used[which] = True
    assert all(used)


def test_updates_are_even_on_both_sides_and_packs_have_hardly_any_padding():
    source, target = newspaper(150_000)
    plan = plan_epoch(source, target, UpdateSize(25_000), packs=8)
    for side in (source, target):
        tokens = of_each_update(plan, side)
        assert tokens.std() < 0.01 * tokens.mean()
        assert tokens.mean() == pytest.approx(25_000, rel=0.05)
        assert tokens.mean() <= 25_000
    padded = padded_sizes(source, plan).sum() + padded_sizes(target, plan).sum()
    assert 1 - (source.sum() + target.sum()) / padded < 0.03


@pytest.mark.parametrize("packs", [8, 16, 24, 32])
def test_any_number_of_gpus_pads_little_with_the_update_freq_that_the_plan_gives(packs):
    """`aat plan` and every hardware group make devices × update_freq a multiple of the 8 lengths."""
    source, target = newspaper(150_000)
    plan = plan_epoch(source, target, UpdateSize(25_000), packs)
    padded = padded_sizes(source, plan).sum() + padded_sizes(target, plan).sum()
    assert 1 - (source.sum() + target.sum()) / padded < 0.03


def test_where_sentences_are_few_bands_of_lengths_save_padding():
    """Beside rows sorted by source and then target length, in groups of as many tokens."""
    source, target = newspaper(20_000)
    plan = plan_epoch(source, target, UpdateSize(25_000), packs=8)
    row = np.lexsort((target, source))
    ends = np.searchsorted(np.cumsum((source + target)[row]), np.linspace(0, (source + target).sum(), 8 * plan.updates))
    naive = [row[begin:end] for begin, end in pairwise([0, *ends[1:-1].tolist(), len(row)])]
    plainly = sum(len(group) * (source[group].max() + target[group].max()) for group in naive)
    assert padded_sizes(source, plan).sum() + padded_sizes(target, plan).sum() < 0.97 * plainly


def test_an_update_has_the_lengths_of_the_corpus_or_with_one_group_is_all_of_one_length():
    source, target = newspaper(60_000)
    mixed = plan_epoch(source, target, UpdateSize(5000, 8), packs=8)
    alike = plan_epoch(source, target, UpdateSize(5000, 1), packs=8)
    spread = np.log(source).std()
    assert min(np.log(source[mixed.update(number)]).std() for number in range(mixed.updates)) > 0.6 * spread
    assert np.median([np.log(source[alike.update(number)]).std() for number in range(alike.updates)]) < 0.1 * spread


@settings(**COMMON)
@given(LENGTHS, st.integers(5, 400), st.integers(1, 9), st.integers(1, 17), st.booleans())
def test_every_sentence_is_in_one_pack_of_one_update(pairs, tokens, groups, packs, shuffle):
    source, target = sides(pairs)
    plan = plan_epoch(source, target, UpdateSize(tokens, groups), packs, shuffle=shuffle)
    assert plan.packs == packs
    assert all(len(plan.update(number)) for number in range(plan.updates))
    for number in range(plan.updates):
        together = np.concatenate([plan.pack(number, place) for place in range(packs)])
        assert sorted(together.tolist()) == sorted(plan.update(number).tolist())
    everything = np.concatenate([plan.update(number) for number in range(plan.updates)])
    assert sorted(everything.tolist()) == list(range(len(pairs)))


@settings(**COMMON)
@given(LENGTHS, st.integers(5, 400), st.integers(1, 9), st.integers(1, 50))
def test_any_number_of_devices_sees_the_same_updates_within_the_budget(pairs, tokens, groups, seed):
    source, target = sides(pairs)
    plans = [plan_epoch(source, target, UpdateSize(tokens, groups), packs, seed=seed) for packs in (1, 2, 4, 8)]
    longest = int((source + target).max())
    for number in range(plans[0].updates):
        assert len({tuple(sorted(plan.update(number).tolist())) for plan in plans}) == 1
        assert (source + target)[plans[0].update(number)].sum() <= 2 * tokens + groups * longest


@settings(**COMMON)
@given(LENGTHS, st.integers(5, 400), st.integers(1, 9), st.integers(2, 17))
def test_empty_packs_come_first_so_that_a_device_with_work_ends_with_some(pairs, tokens, groups, packs):
    plan = plan_epoch(*sides(pairs), UpdateSize(tokens, groups), packs)
    for number in range(plan.updates):
        filled = [len(plan.pack(number, place)) > 0 for place in range(packs)]
        assert filled == sorted(filled)


@settings(**COMMON)
@given(LENGTHS, st.integers(5, 400), st.integers(1, 9), st.integers(1, 9), st.integers(1, 200))
def test_no_pack_of_two_sentences_is_over_max_tokens_or_the_update_is_refused(pairs, tokens, groups, packs, limit):
    source, target = sides(pairs)
    longest = np.maximum(source, target)
    try:
        plan = plan_epoch(source, target, UpdateSize(tokens, groups), packs, max_tokens=limit)
    except ConfigError:
        return  # the next test says when
    for number in range(plan.updates):
        for place in range(packs):
            pack = longest[plan.pack(number, place)]
            assert len(pack) * pack.max(initial=0) <= max(limit, longest[plan.update(number)].max())
    everything = np.concatenate([plan.update(number) for number in range(plan.updates)])
    assert sorted(everything.tolist()) == list(range(len(pairs)))


def test_an_update_that_does_not_fit_into_its_packs_is_refused_with_a_way_out():
    source, target = newspaper(2000)
    with pytest.raises(ConfigError, match=r"2 packs .* and max_tokens is 400: try max_tokens \d+") as refused:
        plan_epoch(source, target, UpdateSize(1000), packs=2, max_tokens=400)
    enough = int(str(refused.value).partition("try max_tokens ")[2].partition(",")[0])
    assert plan_epoch(source, target, UpdateSize(1000), packs=2, max_tokens=enough).packs == 2


def smallest_largest_pack(lengths, packs):
    """Over all ways to cut a row, by trying them: the smallest largest pack, padding included."""
    if packs == 1 or not lengths:
        return len(lengths) * max(lengths, default=0)
    return min(max(end * max(lengths[:end], default=0), smallest_largest_pack(lengths[end:], packs - 1))
               for end in range(len(lengths) + 1))  # fmt: skip


@settings(**COMMON)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=9), st.integers(1, 4))
def test_even_cuts_are_the_best_of_all(lengths, packs):
    ends, largest = even_padded_cuts(np.array(lengths), packs)
    assert largest == smallest_largest_pack(lengths, packs)
    begins = [0, *ends.tolist()[:-1]]
    sizes = [(end - begin) * max(lengths[begin:end], default=0) for begin, end in zip(begins, ends, strict=True)]
    assert max(sizes) == largest
    assert ends[-1] == len(lengths)


def test_an_epoch_is_a_function_of_seed_and_epoch():
    source, target = newspaper(2000)

    def order(**options):
        return plan_epoch(source, target, UpdateSize(1000), 4, **options).order.tolist()

    assert order(seed=3, epoch=2) == order(seed=3, epoch=2)
    assert order(seed=3, epoch=2) != order(seed=3, epoch=3)
    assert order(seed=3, epoch=2) != order(seed=2, epoch=3)


def test_a_curriculum_goes_from_short_to_long():
    source, target = newspaper(2000)
    plan = plan_epoch(source, target, UpdateSize(1000, 4), 4, shuffle=False)
    means = [source[plan.update(number)].mean() for number in range(plan.updates)]
    assert np.corrcoef(means, range(plan.updates))[0, 1] > 0.9
    assert max(means[:5]) < min(means[-5:])


def test_the_long_sentences_go_from_device_to_device():
    source, target = newspaper(20_000)
    plan = plan_epoch(source, target, UpdateSize(2500, 4), 4)
    longest = [np.argmax([source[plan.pack(number, place)].mean() for place in range(4)]) for number in range(40)]
    assert np.bincount(longest, minlength=4).tolist() == [10, 10, 10, 10]


@pytest.mark.parametrize(("tokens", "groups", "named"), [(0, 8, "tokens_per_update"), (25_000, 0, "length_groups")])
def test_an_update_that_cannot_be_is_refused_by_name(tokens, groups, named):
    with pytest.raises(ConfigError, match=named):
        UpdateSize(tokens, groups)
