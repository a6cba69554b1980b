"""A language-pair data set that loses nothing.

Stock fairseq drops the last batch of a data set when its size is no multiple of --required-batch-size-multiple: 100
sentences go in, 96 come out, and nothing says so. Here the tail is appended. For generation, sentences over a length
limit stay too: the generator gives them an empty hypothesis. And a run that is resumed after its first epoch gets the
batches that it had.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from fairseq.data import ConcatDataset, LanguagePairDataset, data_utils
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

NAMED_AT_MOST = 10
"""How many sentences a warning names."""


class AatLanguagePairDataset(LanguagePairDataset):
    """fairseq's data set, batched without loss.

    Attributes:
        for_generation: keep sentences of any length.
        order_seed: decides the order of equally long sentences; None leaves that to numpy's state, as stock does.
    """

    for_generation = False
    order_seed: int | None = None

    @classmethod
    def adopt(cls, dataset: LanguagePairDataset, *, for_generation: bool = False) -> "AatLanguagePairDataset":
        """The same data set under this class; nothing is copied."""
        adopted = cls.__new__(cls)
        adopted.__dict__.update(dataset.__dict__)
        adopted.for_generation = for_generation
        return adopted

    def ordered_indices(self) -> NDArray[np.int64]:
        """Sentences by length, (sentences,); equally long ones in the order that `order_seed` decides."""
        if self.order_seed is None:
            return super().ordered_indices()
        with data_utils.numpy_seed(self.order_seed):
            return super().ordered_indices()

    def batch_by_size(
        self,
        indices: NDArray[np.int64],
        max_tokens: int | None = None,
        max_sentences: int | None = None,
        required_batch_size_multiple: int = 1,
    ) -> list[NDArray[np.int64]]:
        """Stock batches, then what stock would drop; a sentence longer than max_tokens is a batch of its own.

        Args:
            indices: sentences in the order to batch them, (sentences,).
            max_tokens: the most padded tokens a batch may have, on the longer side.
            max_sentences: the most sentences a batch may have.
            required_batch_size_multiple: batch sizes are multiples of this where possible.

        Returns:
            Batches of indices, which together are `indices`.
        """
        indices = np.asarray(indices, dtype=np.int64)
        alone: list[NDArray[np.int64]] = []
        if max_tokens is not None and len(indices):
            over = self.num_tokens_vec(indices) > max_tokens
            alone = [index.reshape(1) for index in indices[over]]
            indices = indices[~over]
        if len(indices) == 0:  # stock would index an empty list
            return alone
        batches = list(super().batch_by_size(indices, max_tokens, max_sentences, required_batch_size_multiple))
        tail = indices[sum(len(batch) for batch in batches) :]
        return [*batches, *([tail] if len(tail) else []), *alone]

    def too_long(self, indices: NDArray[np.int64], max_positions: Any) -> NDArray[np.int64]:
        """Which of `indices` have a source (or, where it is trained on, a target) over max_positions.

        Args:
            indices: (sentences,).
            max_positions: (source, target) limits in tokens, end symbol included.

        Returns:
            Them, in ascending order.
        """
        kept, _ = LanguagePairDataset.filter_indices_by_size(self, indices, max_positions)
        if len(kept) == len(indices):
            return indices[:0]
        stays = np.zeros(len(self), dtype=bool)  # numpy's set operations take minutes on millions of sentences
        stays[kept] = True
        return np.sort(indices[~stays[indices]])

    def name(self, indices: Sequence[int] | NDArray[np.int64]) -> str:
        """Some sentences with their lengths, such as `17 (1030 → 988 tokens), 40 (…), … and 3 more`."""
        named = [
            f"{index} ({self.src_sizes[index]} → {self.tgt_sizes[index]} tokens)"
            if self.tgt_sizes is not None
            else f"{index} ({self.src_sizes[index]} tokens)"
            for index in indices[:NAMED_AT_MOST]
        ]
        more = len(indices) - NAMED_AT_MOST
        return ", ".join(named) + (f", … and {more} more" if more > 0 else "")


def cut_sizes(source: Any, longest: int) -> NDArray[np.int32]:
    """Real lengths of sources that --truncate-source cuts, end symbol included: (sentences,).

    Stock counts the end symbol of an uncut sentence twice: it takes it off, counts it still, and counts another.

    Args:
        source: the sources as fairseq wraps them, several shards' together where they are combined.
        longest: --max-source-positions.
    """
    if isinstance(source, ConcatDataset):
        parts = zip(source.datasets, source.sample_ratios, strict=True)
        return np.concatenate([np.tile(cut_sizes(part, longest), times) for part, times in parts])
    while hasattr(source, "dataset"):
        source = source.dataset
    return np.minimum(source.sizes, longest).astype(np.int32)
