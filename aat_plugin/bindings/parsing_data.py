"""The data sets behind `aat_parsing`: fairseq's pairs of words and symbols, and what fairseq has no place for.

A sentence's words are counted when it is prepared, because its source may be subwords; gold trees come along where F1
is wanted; and gold sentences are mixed with silver ones (`parsing.mixing`), which stay on disk but for an epoch's
lengths. Read `parsing_task` next.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import data_utils
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Dataset, Subset

from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.corpora.files import read_lines, reading
from aat_plugin.errors import DataError
from aat_plugin.parsing.mixing import silver_of_epoch, silver_wanted

MADE_WITH = "aat prepare trees"
SILVER = "silver"


class ParsingDataset(AatLanguagePairDataset):
    """Sentences and their trees.

    Attributes:
        num_words: (sentences,), int32; None where nobody decodes, or nobody counted them.
        gold: the gold trees, one a line, of the sentences that F1 is measured on, by their numbers.
    """

    num_words: NDArray[np.int32] | None = None
    gold: Mapping[int, str] = {}

    def collater(self, samples: list[dict[str, Any]], pad_to_length: dict[str, int] | None = None) -> dict[str, Any]:
        """fairseq's batch; besides, `num_words` (batch,), int64, and `gold`, a line or None for each sentence."""
        batch: dict[str, Any] = super().collater(samples, pad_to_length)
        if batch and self.num_words is not None:
            batch["num_words"] = torch.from_numpy(self.num_words[batch["id"].numpy()]).long()
        if batch and self.gold:
            batch["gold"] = [self.gold.get(one) for one in batch["id"].tolist()]
        return batch


class MixedDataset(ParsingDataset):
    """Gold sentences, and behind them an epoch's silver ones; `set_epoch` draws these anew.

    Attributes:
        seed: of the run; decides together with the epoch which silver sentences are taken.
    """

    seed = 1

    @classmethod
    def mix(cls, gold: AatLanguagePairDataset, silver: Sequence[tuple[Any, Any]], ratio: float) -> MixedDataset:
        """A mixture, which has no sentences before its epoch is set.

        Args:
            gold: the gold sentences.
            silver: files of silver ones: words and symbols, each fairseq's indexed data set.
            ratio: silver sentences of an epoch for each gold one.

        Raises:
            ConfigError: a ratio that cannot be.
        """
        mixed = cls.adopt(gold)
        assert isinstance(mixed, MixedDataset)
        mixed._gold = gold
        mixed._sides = [ConcatDataset([pair[side] for pair in silver]) for side in (0, 1)]
        mixed._sizes = [[pair[side].sizes for pair in silver] for side in (0, 1)]
        mixed._wanted = silver_wanted(len(gold), ratio)
        return mixed

    _gold: AatLanguagePairDataset
    _sides: list[Dataset[Any]]
    _sizes: list[list[NDArray[np.int32]]]
    _wanted: int

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """Every epoch has batches of its own."""
        return False

    def set_epoch(self, epoch: int) -> None:
        """Take the epoch's silver sentences."""
        super().set_epoch(epoch)
        lengths = [sum(map(len, sizes)) for sizes in self._sizes]
        chosen = silver_of_epoch(lengths[0], self._wanted, self.seed, epoch)
        gold = self._gold
        words, symbols = (Subset(side, chosen) for side in self._sides)  # type: ignore[arg-type]
        self.src: Dataset[Any] = ConcatDataset([gold.src, words])
        self.tgt: Dataset[Any] = ConcatDataset([gold.tgt, symbols])
        self.src_sizes, self.tgt_sizes = (
            np.concatenate([own, *_picked(sizes, chosen)])
            for own, sizes in zip((gold.src_sizes, gold.tgt_sizes), self._sizes, strict=True)
        )
        self.sizes = np.vstack((self.src_sizes, self.tgt_sizes)).T


def _picked(sizes: Sequence[NDArray[np.int32]], chosen: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """The lengths of the chosen sentences, file by file; `chosen` is sorted and counts through all files."""
    first = 0
    for one in sizes:
        low, high = np.searchsorted(chosen, (first, first + len(one)))
        yield one[chosen[low:high] - first]
        first += len(one)


def silver_files(folder: Path, languages: tuple[str, str], dictionaries: tuple[Any, Any]) -> list[tuple[Any, Any]]:
    """The silver files of a data-bin, words and symbols, mapped into memory.

    Raises:
        DataError: there are none, or the two sides differ.
    """
    pairs: list[tuple[Any, Any]] = []
    while True:
        name = SILVER + (str(len(pairs)) if pairs else "")
        prefix = folder / f"{name}.{'-'.join(languages)}"
        words, symbols = (data_utils.load_indexed_dataset(f"{prefix}.{language}", dictionary)
                          for language, dictionary in zip(languages, dictionaries, strict=True))
        if words is None or symbols is None:
            break
        if len(words) != len(symbols):
            raise DataError(f"{prefix}: {len(words)} sentences and {len(symbols)} trees; make them with {MADE_WITH}")
        pairs.append((words, symbols))
    if not any(len(words) for words, _ in pairs):
        raise DataError(f"there are no silver trees in {folder}; prepare them with {MADE_WITH} --silver FILE, or leave "
                        "silver_ratio at 0")
    return pairs


def read_num_words(path: Path, sentences: int) -> NDArray[np.int32]:
    """A SPLIT.num_words beside a data-bin.

    Args:
        path: the file, a number a line.
        sentences: how many there are.

    Returns:
        (sentences,).

    Raises:
        DataError: it is missing, is broken, or belongs to other sentences.
    """
    with reading(path), path.open("rb") as file, warnings.catch_warnings(action="ignore"):  # of an empty file
        try:
            table = np.loadtxt(file, dtype=np.int32, ndmin=2)
        except (ValueError, OverflowError) as error:
            raise DataError(f"{path} is not one number a line ({error}); make it with {MADE_WITH}") from None
    if table.size and table.shape[1] != 1:
        raise DataError(f"{path} is not one number a line, but {table.shape[1]}; make it with {MADE_WITH}")
    numbers = table.reshape(-1)
    if len(numbers) != sentences or (sentences and numbers.min() < 1):
        raise DataError(f"{path} has {len(numbers)} numbers for {sentences} sentences, or one below 1; the split was "
                        f"prepared anew in part: make all of it with {MADE_WITH}")
    return numbers


def read_gold(path: Path, sentences: int, wanted: int) -> dict[int, str]:
    """A fixed sample of a SPLIT.trees beside a data-bin, spread evenly over the file.

    Args:
        path: the file, a tree a line.
        sentences: how many there are.
        wanted: how many to take; 0 for all.

    Returns:
        The line of each sentence in the sample, by its number.

    Raises:
        DataError: it is missing or belongs to other sentences.
    """
    lines = read_lines(path)
    if len(lines) != sentences:
        raise DataError(f"{path} has {len(lines)} trees for {sentences} sentences; the split was prepared anew in "
                        f"part: make all of it with {MADE_WITH}")
    taken = min(wanted or sentences, sentences)
    places = [number * sentences // taken for number in range(taken)]
    return {place: lines[place] for place in places}
