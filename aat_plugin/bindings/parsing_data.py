"""The data set behind `aat_parsing`: fairseq's pairs of words and symbols, and the number of words of each sentence.

A sentence's words are counted when it is prepared, because its source may be subwords. Read `parsing_task` next.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.corpora.files import reading
from aat_plugin.errors import DataError

MADE_WITH = "aat prepare trees"


class ParsingDataset(AatLanguagePairDataset):
    """Sentences and their trees.

    Attributes:
        num_words: (sentences,), int32; None where nobody counted them, as for text that is typed in.
    """

    num_words: NDArray[np.int32] | None = None

    def collater(self, samples: list[dict[str, Any]], pad_to_length: dict[str, int] | None = None) -> dict[str, Any]:
        """fairseq's batch; besides, `num_words` (batch,), int64."""
        batch: dict[str, Any] = super().collater(samples, pad_to_length)
        if batch and self.num_words is not None:
            batch["num_words"] = torch.from_numpy(self.num_words[batch["id"].numpy()]).long()
        return batch


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
    with reading(path), path.open("rb") as file:
        try:
            numbers = np.loadtxt(file, dtype=np.int32, ndmin=1)
        except ValueError as error:
            raise DataError(f"{path} is not one number a line ({error}); make it with {MADE_WITH}") from None
    if len(numbers) != sentences or (sentences and numbers.min() < 1):
        raise DataError(f"{path} has {len(numbers)} numbers for {sentences} sentences, or one below 1; the split was "
                        f"prepared anew in part: make all of it with {MADE_WITH}")
    return numbers
