"""Training curves of one or several runs, out of fairseq's logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.results import training_log
from aat_plugin.results.charts import Picture, line_chart

PLACES = ("logs/train.log", "train.log")
"""Where a run's folder has its log; a folder of Hydra's has another `.log`."""


def log_of(run: Path) -> Path:
    """The log of a run's folder, or the file that was given.

    Raises:
        DataError: there is none.
    """
    if run.is_file():
        return run
    for place in PLACES:
        if (run / place).is_file():
            return run / place
    raise DataError(f"{run}: no log, nor {' or '.join(PLACES)} in it; give the file that fairseq's output went to")


def training(runs: Sequence[Path], value: str = "ppl") -> Picture:
    """One number of each run against updates: of training, and of each validated subset.

    Args:
        runs: folders or logs.
        value: as fairseq's log names it: ppl, loss, nll_loss, wps, bleu …

    Raises:
        DataError: a log is missing, or none has the number.
        ConfigError: two runs of one name.
    """
    series: dict[str, list[tuple[float, float]]] = {}
    for run in runs:
        log = log_of(run)
        with log.open(encoding="utf-8", errors="replace") as lines:
            found = list(training_log.records(lines))
        name = f"{run.stem} " if len(runs) > 1 else ""
        for part in dict.fromkeys(record.part for record in found):
            points = [(float(update), one) for update, one in training_log.curve(found, part, value)
                      if math.isfinite(one)]  # fmt: skip
            if points and f"{name}{part}" in series:
                raise ConfigError(f"{run}: two runs are called {name.strip()}; give logs of different names")
            series[f"{name}{part}"] = points
    if not any(series.values()):
        raise DataError(f"{', '.join(map(str, runs))}: no '{value}' in the log; fairseq names what it prints")
    last = {name: points[-1] for name, points in series.items() if points}
    ends = "; ".join(f"{name} {number:.3g} after {update:.0f}" for name, (update, number) in last.items())
    logarithmic = value == "ppl"
    return line_chart(series, x="updates", y="perplexity" if value == "ppl" else value, log_y=logarithmic,
                      alt=f"{value} while training. At the end: {ends}.")  # fmt: skip
