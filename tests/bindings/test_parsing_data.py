"""Gold and silver together: the ratio in every epoch, the same batches for every worker, shard and resumed run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, LanguagePairDataset, iterators
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.bindings.parsing_data import MixedDataset, ParsingDataset, read_gold, read_num_words, silver_files
from aat_plugin.bindings.update_iterator import UpdateIterator
from aat_plugin.errors import ConfigError, DataError
from aat_plugin.training.batching import UpdateSize

DICTIONARY = Dictionary()
for number in range(60):
    DICTIONARY.add_symbol(f"w{number}")


class Side(list):
    """Sentences as fairseq's indexed data sets have them."""

    @property
    def sizes(self):
        return np.array([len(one) for one in self], dtype=np.int32)


def side(first: int, lengths: list[int]) -> Side:
    """Sentence i of token `first + i`, so that a batch shows which sentences it holds."""
    end = torch.tensor([2])
    return Side(torch.cat([torch.full((length - 1,), first + i), end]) for i, length in enumerate(lengths))


def gold(size: int) -> AatLanguagePairDataset:
    """`size` sentences, tokens from 4."""
    src, tgt = side(4, [2 + i % 3 for i in range(size)]), side(4, [3 + i % 4 for i in range(size)])
    stock = LanguagePairDataset(src, src.sizes, DICTIONARY, tgt, tgt.sizes, DICTIONARY)
    return AatLanguagePairDataset.adopt(stock)


def silver(*sizes: int) -> list[tuple[Side, Side]]:
    """Files of so many sentences each, tokens from 30 through all files."""
    files, first = [], 30
    for size in sizes:
        files.append((side(first, [2 + i % 5 for i in range(size)]), side(first, [3 + i % 2 for i in range(size)])))
        first += size
    return files


def tokens(batches) -> Counter[int]:
    """How often each sentence is in some batches, by its token."""
    return Counter(int(row[row > 3][0]) for batch in batches if batch for row in batch["target"])


def iterator(mixed: MixedDataset, epoch: int = 1, **more) -> iterators.EpochBatchIterator:
    """What the task's `get_batch_iterator` makes of a mixture, batched by eight sentences."""
    def batched(dataset, epoch):
        return dataset.batch_by_size(dataset.ordered_indices(), max_sentences=8)

    mixed.order_seed = mixed.seed + 1  # as the task does
    mixed.set_epoch(epoch)
    return iterators.EpochBatchIterator(
        dataset=mixed, collate_fn=mixed.collater, batch_sampler=batched(mixed, epoch), seed=mixed.seed, epoch=epoch,
        **more,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.lists(st.integers(1, 9), min_size=1, max_size=3), st.floats(0.1, 3), st.integers(1, 9))
def test_every_epoch_holds_each_gold_sentence_once_and_the_ratio_of_silver_ones(size, files, ratio, epoch):
    mixed = MixedDataset.mix(gold(size), silver(*files), ratio)
    mixed.set_epoch(epoch)
    found = tokens([mixed.collater([mixed[index] for index in range(len(mixed))])])
    assert {token: found[token] for token in range(4, 4 + size)} == dict.fromkeys(range(4, 4 + size), 1)
    assert found.total() - size == round(size * ratio)
    # The lengths by which batches are made are those of the sentences at the same places, of both sides.
    for index in range(len(mixed)):
        example = mixed[index]
        assert (len(example["source"]), len(example["target"])) == tuple(mixed.sizes[index])


def test_epochs_differ_and_follow_the_runs_seed():
    def chosen(seed: int, epoch: int) -> list[int]:
        mixed = MixedDataset.mix(gold(4), silver(20), 1.0)
        mixed.seed = seed
        mixed.set_epoch(epoch)
        return [int(mixed[index]["target"][0]) for index in range(4, 8)]

    assert chosen(1, 1) == chosen(1, 1)
    assert chosen(1, 1) != chosen(1, 2)
    assert chosen(1, 1) != chosen(2, 1)
    five = [token for epoch in range(1, 6) for token in chosen(1, epoch)]
    assert sorted(five) == list(range(30, 50))  # all twenty before any comes again


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_load_what_one_process_loads(workers):
    mixed = MixedDataset.mix(gold(20), silver(9, 14), 1.5)
    one = [batch["target"].tolist() for batch in iterator(mixed, epoch=3).next_epoch_itr()]
    many = [batch["target"].tolist() for batch in iterator(mixed, epoch=3, num_workers=workers).next_epoch_itr()]
    assert many == one
    assert sum(len(batch) for batch in one) == 50


def test_two_devices_together_hold_the_mixture_once():
    found: Counter[int] = Counter()
    for shard in range(2):
        mixed = MixedDataset.mix(gold(20), silver(40), 1.0)
        found += tokens(iterator(mixed, epoch=2, num_shards=2, shard_id=shard).next_epoch_itr())
    assert {number for token, number in found.items() if token < 24} == {1}
    assert (found.total(), len(found)) == (40, 40)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_resumed_in_mid_epoch_goes_on_with_the_same_silver_sentences(workers):
    def mixed() -> MixedDataset:
        return MixedDataset.mix(gold(20), silver(30), 1.0)

    whole = [batch["target"].tolist() for batch in iterator(mixed(), epoch=2).next_epoch_itr()]
    killed = iterator(mixed(), epoch=2, num_workers=workers)
    running = killed.next_epoch_itr()
    for _ in range(2):
        next(running)
    resumed = iterator(mixed(), epoch=2, num_workers=workers)
    resumed.load_state_dict(killed.state_dict())
    assert [batch["target"].tolist() for batch in resumed.next_epoch_itr()] == whole[2:]


@pytest.mark.parametrize("workers", [0, 2])
def test_updates_of_real_tokens_hold_an_epochs_mixture_and_go_on_with_it(workers):
    def updates(device: int = 0, devices: int = 1) -> UpdateIterator:
        mixed = MixedDataset.mix(gold(20), silver(40), 1.0)
        mixed.set_epoch(2)
        return UpdateIterator(mixed, np.arange(40), UpdateSize(30, 2), [4 // devices], None, seed=1, epoch=2,
                              num_shards=devices, shard_id=device, num_workers=workers)  # fmt: skip

    whole = [batch["target"].tolist() for batch in updates().next_epoch_itr() if batch]
    found = sum((tokens(batch for batch in updates(one, 2).next_epoch_itr() if batch) for one in (0, 1)), Counter())
    assert found == tokens(batch for batch in updates().next_epoch_itr() if batch)
    assert {number for token, number in found.items() if token < 24} == {1}
    assert len([token for token in found if token >= 24]) == 20
    killed = updates()
    running = killed.next_epoch_itr()
    for _ in range(8):
        next(running)
    resumed = updates()
    resumed.load_state_dict(killed.state_dict())
    rest = [batch["target"].tolist() for batch in resumed.next_epoch_itr() if batch]
    assert rest
    assert rest == whole[-len(rest) :]


def test_a_mixture_tells_fairseq_to_make_its_batches_anew_in_each_epoch():
    assert not MixedDataset.mix(gold(2), silver(2), 1.0).can_reuse_epoch_itr_across_epochs
    with pytest.raises(ConfigError, match="silver_ratio=-1"):
        MixedDataset.mix(gold(2), silver(2), -1)


def test_numbers_of_words_and_gold_trees_follow_the_sentences_into_their_batch():
    data = ParsingDataset.adopt(gold(5))
    data.num_words, data.gold = np.array([1, 2, 3, 4, 5], dtype=np.int32), {2: "(S (NN x))"}
    batch = data.collater([data[index] for index in (4, 2, 0)])
    assert batch["num_words"].tolist() == [index + 1 for index in batch["id"].tolist()]
    assert batch["gold"] == [{2: "(S (NN x))"}.get(index) for index in batch["id"].tolist()]
    assert data.collater([]) == {} or data.collater([]) is None


@pytest.mark.parametrize(("text", "what"), [
    ("1\n2\n", "2 numbers for 3 sentences"), ("1\n0\n2\n", "one below 1"), ("1\nx\n2\n", "not one number a line"),
    ("1 2\n3 4\n5 6\n", "not one number a line, but 2"), ("", "0 numbers for 3 sentences"), (None, "cannot read"),
    ("99999999999\n1\n1\n", "not one number a line"),
])  # fmt: skip
def test_broken_numbers_of_words_are_one_line_with_the_way_out(tmp_path, text, what):
    if text is not None:
        (tmp_path / "valid.num_words").write_text(text)
    with pytest.raises(DataError, match=what) as error:
        read_num_words(tmp_path / "valid.num_words", 3)
    assert "\n" not in str(error.value)
    assert "valid.num_words" in str(error.value)


def test_the_sample_of_f1_is_spread_evenly_and_the_same_in_each_run(tmp_path):
    path = tmp_path / "valid.trees"
    path.write_text("".join(f"(S (NN w{number}))\n" for number in range(10)))
    assert sorted(read_gold(path, 10, 4)) == [0, 2, 5, 7]
    assert read_gold(path, 10, 4)[5] == "(S (NN w5))"
    assert sorted(read_gold(path, 10, 0)) == sorted(read_gold(path, 10, 99)) == list(range(10))
    with pytest.raises(DataError, match=r"10 trees for 9 sentences.*aat prepare trees"):
        read_gold(path, 9, 4)


def test_silver_files_that_are_not_there_are_named_with_the_way_out(tmp_path):
    with pytest.raises(DataError, match=r"no silver trees in .*--silver FILE"):
        silver_files(tmp_path, ("words", "symbols"), (DICTIONARY, DICTIONARY))
