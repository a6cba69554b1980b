"""Which silver trees an epoch takes beside the gold ones (Section 6.3's semi-supervised setting; the mixing is ours).

The paper does not say how its 17 million silver sentences and its 40 thousand gold ones were mixed. Here an epoch is
every gold sentence once and `ratio` silver ones for each of them. The silver sentences are gone through in a random
order, a new one when all were seen, so that none comes a second time before every other came once. An epoch's part
follows from the seed and the epoch alone: every worker and every resumed run finds the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aat_plugin.errors import ConfigError


def silver_wanted(gold: int, ratio: float) -> int:
    """How many silver sentences an epoch takes.

    Args:
        gold: sentences with gold trees.
        ratio: silver sentences for each of them; 0 or more.

    Raises:
        ConfigError: a ratio that cannot be.
    """
    if not 0 <= ratio < float("inf"):
        raise ConfigError(f"silver_ratio={ratio}: give 0 or more silver sentences for each gold one")
    return round(gold * ratio)


def silver_of_epoch(silver: int, wanted: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """The silver sentences of one epoch.

    Args:
        silver: how many there are, at least 1.
        wanted: how many an epoch takes; more than there are come several times.
        seed: of the run.
        epoch: from 1.

    Returns:
        (wanted,), the sentences' numbers from 0, sorted, so that files are read from front to back. 4 bytes a silver
        sentence are needed twice while they are drawn, and then 4 for each that is wanted.
    """
    taken: list[NDArray[np.int32]] = []
    first = (epoch - 1) * wanted
    while wanted > 0:
        round_, place = divmod(first, silver)
        order = np.random.default_rng((seed % 2**32, round_)).permutation(np.arange(silver, dtype=np.int32))
        taken.append(order[place : place + wanted].copy())  # a view would keep all of `order`
        first, wanted = first + len(taken[-1]), wanted - len(taken[-1])
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int32), *taken]))
