"""Section 5.3, Eq. 3: the learning rate as a pure function of the step."""

from __future__ import annotations


def noam_rate(step: int, d_model: int, warmup_steps: int, factor: float = 1.0) -> float:
    """factor · d_model^-0.5 · min(step^-0.5, step · warmup_steps^-1.5). Section 5.3, Eq. 3.

    Args:
        step: the update that will use the rate, counted from 1.
        d_model: the model's width.
        warmup_steps: updates of linear growth; 0 for none.
        factor: 1 in the paper.

    Raises:
        ValueError: a step below 1, a width below 1 or a negative warm-up.
    """
    if step < 1 or d_model < 1 or warmup_steps < 0:
        raise ValueError(f"{step=} and {d_model=} must be at least 1, {warmup_steps=} at least 0")
    decay: float = float(step) ** -0.5
    if warmup_steps:
        decay = min(decay, step * float(warmup_steps) ** -1.5)
    width: float = float(d_model) ** -0.5
    return factor * width * decay
