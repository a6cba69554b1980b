"""Section 5.3, Eq. 3 as a picture: the learning rate for several lengths of the warm-up."""

from __future__ import annotations

from collections.abc import Sequence

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, line_chart
from aat_plugin.training.lr_schedule import noam_rate

WARMUPS = (1000, 4000, 8000, 16000)
POINTS = 400


def schedule(d_model: int = 512, warmups: Sequence[int] = WARMUPS, updates: int = 20_000) -> Picture:
    """d_model^-0.5 · min(n^-0.5, n · warmup^-1.5) against n.

    Raises:
        ConfigError: a width, a warm-up or a number of updates that is not positive.
    """
    for name, value in (("d_model", d_model), ("updates", updates), *(("warmup", one) for one in warmups)):
        if value < 1:
            raise ConfigError(f"{name}={value} must be at least 1")
    grid = sorted({1 + (updates - 1) * place // (POINTS - 1) for place in range(POINTS)} | {
        one for one in warmups if one <= updates
    })  # fmt: skip
    series = {
        f"warm-up {one:,}": [(float(step), noam_rate(step, d_model, one)) for step in grid] for one in warmups
    }
    peaks = ", ".join(f"{noam_rate(one, d_model, one):.2e} after {one:,}" for one in warmups)
    return line_chart(
        series, x="updates", y="learning rate",
        alt=f"The learning rate of Equation 3 at d_model {d_model} grows linearly to its peak, {peaks}, and then falls "
            "with the root of the number of updates; all fall along one curve.",
    )  # fmt: skip
