"""What if one thing were missing? The demo trained without it, beside what the paper says the thing is for.

Read `architecture.without` for how parts are taken out, `small_runs` for how a run goes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.demo.steps import DemoError, Say
from aat_plugin.results import provenance, recorded_runs
from aat_plugin.results.charts import Picture, line_chart
from aat_plugin.results.small_runs import (
    Corpus,
    Folders,
    Scored,
    commands_of,
    curve,
    overrides_for,
    train_and_score,
)

EXPERIMENT = "demo_translation"
WHOLE = "whole"
"""The demo as it is, which everything is compared with."""
ABOVE_CHANCE = 1.0
"""BLEU; a smaller difference is called none."""


@dataclass(frozen=True)
class Case:
    """One thing left out.

    Attributes:
        name: as `aat whatif` takes it.
        missing: what is missing, in words.
        claim: what the paper says of it, in our words, with its section.
        overrides: of the demo's config.
    """

    name: str
    missing: str
    claim: str
    overrides: Mapping[str, Any]


def _part(part: str) -> dict[str, Any]:
    return {"model._name": "aat_whatif", "+model.without": part}


CASES: tuple[Case, ...] = (
    Case(WHOLE, "nothing", "The model as the paper has it.", {}),
    Case("scale", "1/√d_k", "Section 3.2.1: for large d_k unscaled products push the softmax to where its gradients "
         "are tiny; with small d_k it matters little.", _part("scale")),
    Case("mask", "the decoder's mask", "Section 3.2.3: without it a position sees the word it is to predict, so the "
         "model learns to copy and cannot translate.", _part("mask")),
    Case("positions", "positions", "Section 3.5: without recurrence or convolution nothing else tells the model "
         "about order.", _part("positions")),
    Case("warm-up", "the warm-up", "Section 5.3: the rate grows over the first updates; the paper uses it and gives no "
         "reason.", {"lr_scheduler.warmup_updates": 0}),
    Case("residual", "residual connections", "Section 3.1: around each sub-layer; the paper cites them from image "
         "recognition, where deep networks needed them.", _part("residual")),
    Case("norm", "layer normalisation", "Section 3.1: after each sub-layer; the paper cites it and gives no reason.",
         _part("norm")),
    Case("heads", "all heads but one", "Section 3.2.2: averaging within one head inhibits attending to several places "
         "at once; Table 3: 0.9 BLEU less.", {"model.num_heads": 1}),
    Case("smoothing", "label smoothing", "Section 5.4: smoothing hurts perplexity and helps accuracy and BLEU; Table "
         "3: without it 0.25 lower perplexity, 0.5 BLEU less.", {"criterion.label_smoothing": 0.0}),
)  # fmt: skip
BY_NAME: Mapping[str, Case] = {case.name: case for case in CASES}


def run(names: Sequence[str], budget: int, root: Path, on: Corpus, where: Folders, say: Say,
        more: Mapping[str, Any] | None = None) -> Path:  # fmt: skip
    """Train what is not trained yet, one case at a time; results are written after each.

    Args:
        names: of cases; the whole model is always among them.
        budget: updates.
        root: the folder of all of it.
        on: data.
        where: the plugin and its configs.
        say: shows a line to the user.
        more: further overrides, for all cases alike.

    Returns:
        The results' file.

    Raises:
        DemoError: the whole model's run failed.
    """
    folder = root / f"{EXPERIMENT}-{budget}"
    scored: dict[str, Scored] = {}
    failed: dict[str, dict[str, Any]] = {}
    file = folder / recorded_runs.RESULTS
    for name in [WHOLE, *(name for name in names if name != WHOLE)]:
        case = BY_NAME[name]
        say(f"without {case.missing}")
        given = {**overrides_for(budget, seed=1), **(more or {}), **case.overrides}
        try:
            scored[name] = train_and_score(folder / name, EXPERIMENT, given, on, where, say)
        except DemoError as error:
            if name == WHOLE or not (folder / name / "logs" / "train.log").is_file():
                raise
            # A run may break because of what it lacks, and that is a finding; a diverged loss stops fairseq.
            failed[name] = {"failed": str(error), "curve": curve(folder / name / "logs" / "train.log")}
            say(str(error))
        everything = list(scored.values())
        source = provenance.collect(commands_of(everything), on.files, seconds=sum(one.seconds for one in everything))
        found = {**{one: result.to_json() for one, result in scored.items()}, **failed}
        file = recorded_runs.write(folder, source, {"whatif": {"budget": budget, "cases": found}})
    return file


def sentence(name: str, cases: Mapping[str, Mapping[str, Any]]) -> str:
    """What came out, in one sentence."""
    found, whole = cases[name], cases[WHOLE]
    if "failed" in found:
        return f"Training broke: {found['failed']}"
    numbers = f"{found['bleu']:.1f} BLEU and perplexity {found['perplexity']:.2f}"
    if name == WHOLE:
        return f"{numbers} on the development set."
    difference = found["bleu"] - whole["bleu"]
    verdict = (
        "hardly another BLEU" if abs(difference) < ABOVE_CHANCE
        else f"{abs(difference):.1f} BLEU {'less' if difference < 0 else 'more'} than with it"
    )
    against = f"{numbers}, against {whole['bleu']:.1f} and {whole['perplexity']:.2f}"
    return f"{verdict[0].upper()}{verdict[1:]}: {against}; one run each."


def picture(cases: Mapping[str, Mapping[str, Any]]) -> Picture:
    """The development set's perplexity while each case trained."""
    series = {
        f"without {BY_NAME[name].missing}" if name != WHOLE else "whole model": [
            (float(update), value) for update, value in found["curve"] if math.isfinite(value)
        ]
        for name, found in cases.items()
    }
    ends = "; ".join(f"{name} {points[-1][1]:.2f}" for name, points in series.items() if points)
    return line_chart(
        series, x="updates", y="perplexity, development set", log_y=True, size=(5.6, 4.6),
        alt=f"Perplexity of the development set while the demo trains with one thing missing. At the end: {ends}.",
    )  # fmt: skip
