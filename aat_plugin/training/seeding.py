"""Where dropout's randomness comes from (Section 5.4): a function of (seed, update, micro-batch), and of nothing else.

So a resumed run draws the masks that an undisturbed one would have drawn, and n devices draw those that one device with
update_freq n draws.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
DERIVED = 1 << 62
"""Set in every derived seed, so that none equals a seed that a user or fairseq's trainer sets (seed + update)."""


def dropout_seed(seed: int, update: int, micro_batch: int) -> int:
    """Mix three numbers into a seed for torch's generators.

    Args:
        seed: the run's seed.
        update: updates made before this one.
        micro_batch: the batch's place within the update, counted over all devices.

    Returns:
        A number in [2^62, 2^63).
    """
    state = 0
    for part in (seed, update, micro_batch):
        state = _mix((state ^ (part & _MASK)) + 0x9E3779B97F4A7C15)
    return (state >> 2) | DERIVED


def _mix(word: int) -> int:
    """One round of splitmix64 (Steele et al. 2014): each input bit reaches each output bit."""
    word &= _MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)
