"""Table 3 trained at a scale of one's own: every row by the same recipe, and whether its sign came back. Section 6.2.

d_model, d_ff, d_k and d_v are multiplied by one factor, N and h stay as printed; row big trains three times as long,
as in the paper. A row's sign is that of its difference from base, in BLEU and in perplexity apart. Read `small_runs`
first.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from aat_plugin.demo.steps import Say
from aat_plugin.errors import ConfigError
from aat_plugin.results import provenance, recorded_runs
from aat_plugin.results.small_runs import Corpus, Folders, Scored, commands_of, overrides_for, train_and_score
from aat_plugin.results.table3 import BY_NAME, VARIATIONS, Sizes, Variation

CLEAR = 0.5
"""BLEU from base, published, at which a row's sign is asked for."""
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 97.5 % for 1, 2, … degrees of freedom; the normal's 1.96 beyond."""


def clear_rows() -> list[str]:
    """Rows whose published difference from base is at least half a point of BLEU."""
    base = BY_NAME["base"].bleu
    return [row.name for row in VARIATIONS if round(abs(row.bleu - base), 2) >= CLEAR]


def scaled(sizes: Sizes, factor: Fraction) -> dict[str, Any]:
    """A row's options at a scale, as Hydra overrides.

    Raises:
        ConfigError: a width would be no whole number.
    """
    widths = {name: getattr(sizes, name) * factor for name in ("d_model", "d_ff", "d_k", "d_v")}
    broken = [f"{name} {value}" for name, value in widths.items() if value.denominator != 1 or value < 1]
    if broken:
        raise ConfigError(f"at scale {factor} {', '.join(broken)} would be no whole number; 1/8 and 1/4 fit all rows")
    return {
        **{f"model.{name}": int(value) for name, value in widths.items()},
        "model.num_layers": sizes.num_layers, "model.num_heads": sizes.num_heads, "model.dropout": sizes.dropout,
        "model.learned_positions": str(sizes.learned_positions).lower(),
        "criterion.label_smoothing": sizes.label_smoothing,
    }  # fmt: skip


def updates(variation: Variation, budget: int) -> int:
    """How long a row trains where base trains `budget` updates."""
    return budget * variation.sizes.train_steps // BY_NAME["base"].sizes.train_steps


@dataclass(frozen=True)
class Plan:
    """What is to be trained.

    Attributes:
        rows: names; base is always among them.
        seeds: of each row.
        budget: updates of base.
        factor: the scale.
        experiment: a config of conf/ that gives recipe and hardware.
        more: further overrides, for all rows alike.
    """

    rows: Sequence[str]
    seeds: int
    budget: int
    factor: Fraction
    experiment: str = "demo_translation"
    more: Mapping[str, Any] | None = None


def run(plan: Plan, root: Path, on: Corpus, where: Folders, say: Say) -> Path:
    """Train what is not trained yet, a row at a time; results are written after each.

    Args:
        plan: what.
        root: the folder of all of it.
        on: data.
        where: the plugin and its configs.
        say: shows a line to the user.

    Returns:
        The results' file.

    Raises:
        ConfigError: the scale fits no row.
        DemoError: a run failed.
    """
    names = ["base", *(name for name in plan.rows if name != "base")]
    options = {name: scaled(BY_NAME[name].sizes, plan.factor) for name in names}
    folder = root / f"{plan.experiment}-{str(plan.factor).replace('/', 'over')}-{plan.budget}"
    found: dict[str, list[Scored]] = {}
    file = folder / recorded_runs.RESULTS
    for name in names:
        found[name] = []
        for seed in range(1, plan.seeds + 1):
            say(f"row {name}, seed {seed} of {plan.seeds}")
            given = {**overrides_for(updates(BY_NAME[name], plan.budget), seed), **options[name], **(plan.more or {})}
            found[name].append(train_and_score(folder / f"{name}-{seed}", plan.experiment, given, on, where, say))
        everything = [one for row in found.values() for one in row]
        source = provenance.collect(commands_of(everything), on.files, seconds=sum(one.seconds for one in everything))
        file = recorded_runs.write(folder, source, {"table3": summary(plan, found)})
    return file


def summary(plan: Plan, found: Mapping[str, Sequence[Scored]]) -> dict[str, Any]:
    """Means, intervals and signs, as data for JSON."""
    rows = {}
    for name, scored in found.items():
        measured = {metric: interval([getattr(one, metric) for one in scored]) for metric in ("perplexity", "bleu")}
        done = {"updates": updates(BY_NAME[name], plan.budget), "runs": [one.to_json() for one in scored]}
        rows[name] = {**done, **measured}
        if name != "base":
            rows[name]["signs"] = {metric: sign(name, metric, found["base"], scored) for metric in measured}
    return {"scale": str(plan.factor), "budget": plan.budget, "seeds": plan.seeds, "experiment": plan.experiment,
            "overrides": dict(plan.more or {}), "rows": rows}  # fmt: skip


def interval(values: Sequence[float]) -> dict[str, float | None]:
    """The mean, and half of its 95 % interval by Student's t; None for one value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return {"mean": mean, "half": None}
    return {"mean": mean, "half": _t(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))}


def _t(degrees: int) -> float:
    return T_975[degrees - 1] if degrees <= len(T_975) else 1.96


def sign(name: str, metric: str, base: Sequence[Scored], row: Sequence[Scored]) -> dict[str, Any]:
    """A row's difference from base: published, here with its interval (seeds paired), and whether the sign is the same.

    Args:
        name: of the row.
        metric: "bleu" or "perplexity".
        base, row: the runs, the same seeds in the same order.
    """
    published = round(getattr(BY_NAME[name], metric) - getattr(BY_NAME["base"], metric), 2)
    pairs = zip(row, base, strict=True)
    here = interval([getattr(one, metric) - getattr(other, metric) for one, other in pairs])
    mean, half = here["mean"], here["half"]
    assert mean is not None
    return {"published": published, "here": here, "came_back": mean * published > 0,
            "beyond_chance": half is not None and abs(mean) > half}  # fmt: skip


def verdict(name: str, signs: Mapping[str, Any]) -> str:
    """One line about a row: did its signs come back?"""
    parts = []
    for metric, label in (("bleu", "BLEU"), ("perplexity", "PPL")):
        one = signs[metric]
        half = one["here"]["half"]
        spread = f" ± {half:.2f}" if half is not None else ""
        back = "no difference was published" if not one["published"] else (
            "its sign came back" if one["came_back"] else "its sign did not come back")
        chance = "" if one["beyond_chance"] else ", within chance"
        parts.append(f"{label} {one['here']['mean']:+.2f}{spread} (published {one['published']:+.2f}): {back}{chance}")
    return f"{name}: {'; '.join(parts)}"
