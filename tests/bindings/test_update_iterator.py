"""Updates under fairseq's iterators: the same on any devices, and where a run goes on after a stop."""

from __future__ import annotations

import logging
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.data.iterators import GroupedIterator

from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.bindings.update_iterator import UpdateIterator, update_iterator
from aat_plugin.errors import CheckpointError, ConfigError, DataError, UnsupportedOptionError
from aat_plugin.training.batching import UpdateSize

SENTENCES = 400


@pytest.fixture(scope="module")
def dataset():
    lengths = np.random.default_rng(1).integers(2, 20, (2, SENTENCES)).astype(np.int32)
    sides = [[torch.full((length,), 4) for length in side.tolist()] for side in lengths]
    stock = LanguagePairDataset(sides[0], lengths[0], Dictionary(), sides[1], lengths[1], Dictionary())
    return AatLanguagePairDataset.adopt(stock)


@pytest.fixture
def iterator(dataset):
    """`iterator(device, devices, update_freq, …)`."""

    def build(device=0, devices=1, update_freq=(4,), tokens=300, max_tokens=None, **more):
        return UpdateIterator(dataset, np.arange(SENTENCES), UpdateSize(tokens, 4), update_freq, max_tokens, seed=5,
                              num_shards=devices, shard_id=device, **more)  # fmt: skip

    return build


def updates(iterators, update_freq, *, stop=None, **how):
    """The sentences of each update, over all devices, as the trainer would see them; each goes as far as `stop`."""
    streams = [GroupedIterator(one.next_epoch_itr(**how), update_freq) for one in iterators]
    found = []
    for number, together in enumerate(zip(*streams, strict=True)):
        samples = [sample for of_device in together for sample in of_device if sample]
        found.append(sorted(index for sample in samples for index in sample["id"].tolist()))
        if stop is not None and number + 1 == stop:
            break
    return found


@pytest.mark.parametrize(("devices", "update_freq"), [(1, 1), (1, 8), (2, 4), (4, 2), (8, 1), (3, 2), (40, 1)])
def test_any_number_of_devices_sees_the_same_updates_in_the_same_order(iterator, devices, update_freq):
    expected = updates([iterator(update_freq=[1])], 1)
    assert sorted(chain.from_iterable(expected)) == list(range(SENTENCES))
    found = updates([iterator(one, devices, [update_freq]) for one in range(devices)], update_freq)
    assert found == expected


def test_each_epoch_has_its_own_updates_and_a_curriculum_its_order(iterator):
    one = iterator()
    first, second = updates([one], 4), updates([one], 4)
    assert first != second
    assert updates([iterator(epoch=2)], 4) == second
    unshuffled = updates([iterator()], 4, shuffle=False)
    assert unshuffled == updates([iterator()], 4, shuffle=False) != first


@pytest.mark.parametrize(("devices", "update_freq"), [(1, 4), (2, 2), (2, 4), (1, 8)])
def test_a_run_goes_on_in_mid_epoch_also_on_other_devices(iterator, devices, update_freq):
    whole = iterator(update_freq=[4])
    expected = updates([whole], 4)
    stopped = iterator(update_freq=[4])
    assert updates([stopped], 4, stop=3) == expected[:3]
    state = stopped.state_dict()
    resumed = [iterator(one, devices, [update_freq]) for one in range(devices)]
    for one in resumed:
        one.load_state_dict(state)
    assert updates(resumed, update_freq) == expected[3:]
    following = updates([whole], 4)
    assert updates(resumed, update_freq) == following, "and the next epoch too"


def test_at_an_epochs_end_the_next_one_begins(iterator):
    done = iterator()
    updates([done], 4)
    state = done.state_dict()
    assert (state["epoch"], state["updates_in_epoch"]) == (2, 0)
    resumed = iterator()
    resumed.load_state_dict(state)
    assert updates([resumed], 4) == updates([done], 4)


def test_update_freq_may_differ_by_epoch(iterator):
    one = iterator(update_freq=[2, 4])
    assert (one.update_freq(1), one.update_freq(2), one.update_freq(9)) == (2, 4, 4)
    expected = [updates([iterator(epoch=epoch)], 4) for epoch in (1, 2)]
    assert [updates([one], 2), updates([one], 4)] == expected


def test_a_checkpoint_of_other_batches_is_refused_in_mid_epoch_and_taken_at_its_end(iterator):
    stock = {"version": 2, "epoch": 3, "iterations_in_epoch": 7, "shuffle": True}
    with pytest.raises(CheckpointError, match="--reset-dataloader"):
        iterator().load_state_dict(stock)
    other = iterator(tokens=200)
    updates([other], 4, stop=2)
    with pytest.raises(CheckpointError, match="tokens_per_update"):
        iterator().load_state_dict(other.state_dict())
    at_its_end = iterator()
    at_its_end.load_state_dict({**stock, "iterations_in_epoch": 0})
    assert updates([at_its_end], 4) == updates([iterator(epoch=3)], 4)


def test_a_device_without_a_pack_has_the_shortest_sentence_to_run_through(iterator, dataset):
    sample = iterator().first_batch
    assert sample["id"].tolist() == [int(dataset.src_sizes.argmin())]


@pytest.mark.parametrize(("update_freq", "warned"), [(2, True), (3, True), (4, False), (8, False)])
def test_packs_that_join_lengths_are_warned_of(iterator, caplog, update_freq, warned):
    with caplog.at_level(logging.WARNING):
        iterator(update_freq=[update_freq]).next_epoch_itr()
    said = [record.message for record in caplog.records]
    assert [f"{update_freq} packs" in line and "a multiple of 4" in line for line in said] == [True] * warned


def test_what_cannot_be_is_one_clear_mistake(iterator, dataset):
    with pytest.raises(ConfigError, match="max_tokens is 20"):
        iterator(max_tokens=20).next_epoch_itr()
    with pytest.raises(DataError, match="no sentence is left"):
        UpdateIterator(dataset, np.arange(0), UpdateSize(300), [1], None, seed=1, num_shards=1, shard_id=0)
    for name, options, buckets in (("--batch-size", dict(max_sentences=8), 0), ("--num-batch-buckets", {}, 4)):
        task = SimpleNamespace(cfg=SimpleNamespace(tokens_per_update=300, length_groups=8, num_batch_buckets=buckets))
        with pytest.raises(UnsupportedOptionError, match=name):
            update_iterator(task, dataset, [1], seed=1, **options)
