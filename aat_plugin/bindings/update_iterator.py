"""fairseq's epoch iterator over the updates that `training.batching` plans. Section 5.1.

fairseq shuffles batches, deals them to the devices and groups each device's by update_freq, so what is in an update
depends on how many devices there are. Here the updates come first: device r of n gets packs r, n + r, 2n + r … of each,
and the position in an epoch is a number of updates, so that a run may go on with other devices and another update_freq.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from fairseq.data.iterators import EpochBatchIterator
from numpy.typing import NDArray

from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.errors import CheckpointError, DataError, UnsupportedOptionError
from aat_plugin.training.batching import UpdateSize, plan_epoch
from aat_plugin.training.packs import EpochPlan, padded_sizes

logger = logging.getLogger(__name__)

WASTEFUL = 0.03
"""Share of padding that is warned of where it can be helped."""


@user_facing
def update_iterator(
    task: Any,
    dataset: AatLanguagePairDataset,
    update_freq: Sequence[int],
    *,
    seed: int,
    max_positions: Any = None,
    max_tokens: int | None = None,
    max_sentences: int | None = None,
    ignore_invalid_inputs: bool = False,
    disable_iterator_cache: bool = False,
    update_epoch_batch_itr: bool = False,
    num_shards: int = 1,
    shard_id: int = 0,
    num_workers: int = 0,
    epoch: int = 1,
    data_buffer_size: int = 0,
    **_: Any,
) -> UpdateIterator:
    """A task's iterator under --tokens-per-update; an unchanging data set keeps its own over the epochs, as in fairseq.

    Args:
        task: whose options and filter of over-long sentences apply.
        dataset: the sentences.
        update_freq: micro-batches of an update on each device, by epoch.
        seed, max_positions, num_shards …: as fairseq's trainer gives them to a task's `get_batch_iterator`.

    Raises:
        UnsupportedOptionError: --batch-size or --num-batch-buckets, which are about other batches.
        ConfigError: an update that cannot be.
    """
    for name, value in (("--batch-size", max_sentences), ("--num-batch-buckets", task.cfg.num_batch_buckets)):
        if value:
            raise UnsupportedOptionError(f"{name} has no meaning under --tokens-per-update: leave it out, or give "
                                         "--tokens-per-update 0")
    size = UpdateSize(task.cfg.tokens_per_update, task.cfg.length_groups)
    reusable = task.can_reuse_epoch_itr(dataset) and not (disable_iterator_cache or update_epoch_batch_itr)
    if reusable and dataset in task.dataset_to_epoch_iter:
        kept: UpdateIterator = task.dataset_to_epoch_iter[dataset]
        return kept
    dataset.set_epoch(epoch)
    indices = np.arange(len(dataset), dtype=np.int64)
    if max_positions is not None:
        indices = task.filter_indices_by_size(indices, dataset, max_positions, ignore_invalid_inputs)
    iterator = UpdateIterator(dataset, indices, size, update_freq, max_tokens, seed=seed, num_shards=num_shards,
                              shard_id=shard_id, num_workers=num_workers, epoch=epoch, buffer_size=data_buffer_size,
                              reuse_dataloader=True)  # fmt: skip
    if reusable:
        task.dataset_to_epoch_iter[dataset] = iterator
    return iterator


class DevicePacks(Sequence[NDArray[np.int64]]):
    """A device's packs of an epoch, cut out of the plan when they are asked for.

    Args:
        plan: of all devices.
        indices: (sentences,), the data set's number of each sentence of the plan.
        devices, device: how many there are, and which this is.
        start: the first pack to give out.
    """

    def __init__(self, plan: EpochPlan, indices: NDArray[np.int64], devices: int, device: int, start: int = 0) -> None:
        self._plan, self._indices, self._devices, self._device, self._start = plan, indices, devices, device, start
        self._of_an_update = plan.packs // devices

    def __len__(self) -> int:
        return self._plan.updates * self._of_an_update - self._start

    @overload
    def __getitem__(self, number: int) -> NDArray[np.int64]: ...

    @overload
    def __getitem__(self, number: slice) -> DevicePacks: ...

    def __getitem__(self, number: int | slice) -> NDArray[np.int64] | DevicePacks:
        """A pack, (rows,); or, for `[start:]`, the packs from there on."""
        if isinstance(number, slice):
            assert (number.stop, number.step) == (None, None), "fairseq asks only for the rest of an epoch"
            start = self._start + number.indices(len(self))[0]
            return DevicePacks(self._plan, self._indices, self._devices, self._device, start)
        if not 0 <= number < len(self):
            raise IndexError(number)
        update, micro_batch = divmod(self._start + number, self._of_an_update)
        return self._indices[self._plan.pack(update, micro_batch * self._devices + self._device)]

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (self[number] for number in range(len(self)))


class UpdateIterator(EpochBatchIterator):
    """An epoch's packs for one device.

    Args:
        dataset: the sentences.
        indices: those to train on, (sentences,).
        size: what an update is.
        update_freq: micro-batches of an update on each device, by epoch; the last value holds for all later ones.
        max_tokens: the most tokens of a pack on its longer side, with padding.
        seed: of the run.
        num_shards, shard_id: how many devices there are, and which this is.
        more: num_workers, epoch and the like, as fairseq's iterator takes them.
    """

    def __init__(
        self,
        dataset: AatLanguagePairDataset,
        indices: NDArray[np.int64],
        size: UpdateSize,
        update_freq: Sequence[int],
        max_tokens: int | None,
        *,
        seed: int,
        num_shards: int,
        shard_id: int,
        **more: Any,
    ) -> None:
        if not len(indices):
            raise DataError("no sentence is left to train on: all are over max_positions or max_tokens")
        self.indices, self.size, self.max_tokens = np.sort(indices), size, max_tokens
        self._update_freq = list(update_freq)
        self._planned: tuple[tuple[int, bool], EpochPlan] | None = None
        super().__init__(dataset=dataset, collate_fn=dataset.collater, batch_sampler=(), seed=seed,
                         num_shards=num_shards, shard_id=shard_id, **more)  # fmt: skip

    def update_freq(self, epoch: int) -> int:
        """Micro-batches of an update on each device."""
        return self._update_freq[min(epoch, len(self._update_freq)) - 1]

    @user_facing
    def plan(self, epoch: int, shuffle: bool) -> EpochPlan:
        """The epoch's updates and packs; the last plan asked for is kept.

        Raises:
            ConfigError: an update does not fit into its packs.
        """
        key = (epoch, shuffle)
        if self._planned is None or self._planned[0] != key:
            source, target = (sizes[self.indices] for sizes in (self.dataset.src_sizes, self.dataset.tgt_sizes))
            packs = self.num_shards * self.update_freq(epoch)
            made = plan_epoch(source, target, self.size, packs, max_tokens=self.max_tokens, seed=self.seed,
                              epoch=epoch, shuffle=shuffle)  # fmt: skip
            _say(epoch, made, source, target, self.size.length_groups)
            self._planned = (key, made)
        return self._planned[1]

    def ordered_batches(self, epoch: int, fix_batches_to_gpus: bool, shuffle: bool) -> DevicePacks:
        """This device's packs; under --curriculum (no shuffling) updates go from short to long sentences."""
        packs = DevicePacks(self.plan(epoch, shuffle), self.indices, self.num_shards, self.shard_id)
        if self._supports_prefetch:
            self.dataset.prefetch([index for pack in packs for index in pack.tolist()])
        return packs

    @property
    def first_batch(self) -> Any:
        """What a device without a pack runs through with weight zero: the shortest sentence."""
        lengths = self.dataset.src_sizes[self.indices]
        return self.collate_fn([self.dataset[int(self.indices[int(lengths.argmin())])]])

    def __len__(self) -> int:
        """This device's packs in the current epoch."""
        return self.plan(self.epoch, self.shuffle).updates * self.update_freq(self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """fairseq's position, and the same in updates."""
        state: dict[str, Any] = super().state_dict()
        updates = state["iterations_in_epoch"] // self.update_freq(state["epoch"])
        return {**state, "updates_in_epoch": updates, "update_size": [self.size.tokens, self.size.length_groups]}

    @user_facing
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a run stopped, on whatever devices.

        Raises:
            CheckpointError: it stopped in mid-epoch under other updates.
        """
        inside = state_dict.get("iterations_in_epoch", 0) > 0
        if inside and state_dict.get("update_size") != [self.size.tokens, self.size.length_groups]:
            raise CheckpointError("the checkpoint stopped in mid-epoch under other batches (tokens_per_update, "
                                  "length_groups); give those, or --reset-dataloader to begin its epoch anew")
        updates = state_dict.get("updates_in_epoch", 0)
        position = updates * self.update_freq(state_dict["epoch"])
        super().load_state_dict({**state_dict, "iterations_in_epoch": position})


def _say(epoch: int, plan: EpochPlan, source: NDArray[np.int32], target: NDArray[np.int32], groups: int) -> None:
    """One line about an epoch, for the log; and a warning where another number of packs would pad less."""
    tokens = [int(side.sum(dtype=np.int64)) for side in (source, target)]
    padded = [padded_sizes(side, plan).sum() for side in (source, target)]
    largest = padded_sizes(np.maximum(source, target), plan).max()
    padding = 1 - sum(tokens) / sum(padded)
    logger.info(f"epoch {epoch}: {plan.updates:,} updates of {tokens[0] / plan.updates:,.0f} source and "
                f"{tokens[1] / plan.updates:,.0f} target tokens, each in {plan.packs} packs; "
                f"{padding:.1%} padding; largest pack {largest:,} tokens")
    if plan.packs % groups and padding > WASTEFUL:
        logger.warning(f"{padding:.0%} of the places are padding: {plan.packs} packs (devices × update_freq) join "
                       f"several of an update's {groups} lengths (length_groups); give an update_freq that makes them "
                       f"a multiple of {groups}")
