"""|t̂| = a·|s| + b: the length that an encoder prepares for a target, fitted to a corpus. ByteNet's dynamic unfolding.

Kalchbrenner et al. 2016 choose by hand a bound that nearly all targets keep and that wastes little: a = 1.20, b = 0
from English into German. Here a is the slope of least squares and b the least number for which nearly all pairs lie
under the line.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

COVERED = 0.95
"""The share of the pairs whose target is no longer than |t̂|."""


def fit_length_ratio(
    source_lengths: ArrayLike, target_lengths: ArrayLike, covered: float = COVERED
) -> tuple[float, float]:
    """a and b of |t̂| = a·|s| + b, to three decimals.

    Args:
        source_lengths, target_lengths: (pairs,), in tokens.
        covered: the share of the pairs that shall lie under the line.
    """
    source, target = np.asarray(source_lengths, dtype=np.float64), np.asarray(target_lengths, dtype=np.float64)
    centred = source - source.mean()
    spread = float(centred @ centred)
    slope = float(centred @ target) / spread if spread > 0 else 1.0
    slope = round(max(slope, 0.0), 3)
    return slope, round(float(np.quantile(target - slope * source, covered)), 3)


def unfolded(lengths: Tensor, ratio: float, offset: float) -> Tensor:
    """|t̂| of sources of `lengths` (batch,), rounded up; at least the source itself, so that none of it is cut off."""
    return torch.maximum((lengths * ratio + offset).ceil().long(), lengths)
