"""The list of the paper's equations, the comparisons that hold them, and what a run of all of them says.

`EQUATIONS` is written by hand and knows no comparison, so an equation whose comparison was lost is noticed: it is
"not compared", and that fails. A comparison draws its own numbers from a fixed seed and returns its largest deviation.
Read `section_3` next.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

SEED = 20171206
"""The date of the paper's conference talk; every comparison starts from it."""

SECTIONS = ("section_3", "section_4", "section_5", "section_6")
"""The modules that register comparisons."""

EQUATIONS: tuple[tuple[str, str], ...] = (
    ("3.1", "LayerNorm(x)"),
    ("3.1", "LayerNorm(x + Sublayer(x)), encoder layer"),
    ("3.1", "LayerNorm(x + Sublayer(x)), decoder layer"),
    ("3.1", "Figure 1, the whole model"),
    ("3.1", "Figure 1, gradients"),
    ("3.1", "position i depends on outputs before i"),
    ("3.2.1", "Eq. 1: softmax(Q K^T / sqrt(d_k)) V"),
    ("3.2.2", "MultiHead(Q, K, V)"),
    ("3.2.3", "padding and other sentences change nothing"),
    ("3.2.3", "incremental decoding"),
    ("3.3", "Eq. 2: max(0, x W1 + b1) W2 + b2"),
    ("3.4", "sqrt(d_model) · E + PE"),
    ("3.4", "one matrix for embeddings and softmax"),
    ("3.5", "PE(pos, 2i), PE(pos, 2i+1)"),
    ("3.5", "PE(pos + k) is linear in PE(pos)"),
    ("4", "Table 1: self-attention, restricted to r"),
    ("5.3", "Adam's β1, β2, ε"),
    ("5.3", "Eq. 3: the learning rate"),
    ("5.3", "Eq. 3 across a resume"),
    ("5.4", "dropout on sub-layers and embedding sums"),
    ("5.4", "label smoothing"),
    ("6.1", "averaging checkpoints"),
    ("6.1", "length penalty"),
    ("6.1", "maximum length, beam and α"),
    ("6.1", "beam search"),
    ("6.1", "ensembles"),
    ("6.2", "Table 3, sizes and parameters"),
)
"""(section, equation): what must be compared."""


@dataclass(frozen=True)
class Comparison:
    """One equation against its restatement.

    Attributes:
        section, equation: an entry of `EQUATIONS`.
        compared: what with what, in words.
        tolerance: the largest deviation that still counts as equal; absolute unless `compared` says otherwise.
        deviation: computes the largest deviation.
    """

    section: str
    equation: str
    compared: str
    tolerance: float
    deviation: Callable[[], float]


@dataclass(frozen=True)
class Outcome:
    """What a comparison found.

    Attributes:
        section, equation, compared, tolerance: of the comparison; compared is "not compared" where there was none.
        deviation: the largest; None where there was none to compute.
        error: why there was none, in a line.
    """

    section: str
    equation: str
    compared: str
    tolerance: float
    deviation: float | None
    error: str | None = None

    @property
    def equal(self) -> bool:
        """Whether the comparison was made and its deviation is within the tolerance; not a number never is."""
        return self.deviation is not None and self.deviation <= self.tolerance


_registered: dict[str, Comparison] = {}


def compares(
    section: str, equation: str, compared: str, tolerance: float = 0.0
) -> Callable[[Callable[[], float]], Callable[[], float]]:
    """Register a function as a comparison; see `Comparison`."""

    def register(function: Callable[[], float]) -> Callable[[], float]:
        name = f"{function.__module__}.{function.__name__}"
        _registered[name] = Comparison(section, equation, compared, tolerance, function)
        return function

    return register


def comparisons() -> tuple[Comparison, ...]:
    """All comparisons, in the order of `EQUATIONS`."""
    for name in SECTIONS:
        importlib.import_module(f"aat_plugin.conformance.{name}")
    order = {key: place for place, key in enumerate(EQUATIONS)}
    return tuple(sorted(_registered.values(), key=lambda one: order[one.section, one.equation]))


def run(chosen: Iterable[Comparison], report: Callable[[Outcome], None] | None = None) -> list[Outcome]:
    """Make comparisons, then add a failure for each equation of `EQUATIONS` that none of them was about.

    Args:
        chosen: `comparisons()`.
        report: called with each outcome as it is there.
    """
    outcomes = []
    for comparison in chosen:
        outcomes.append(compare(comparison))
        if report is not None:
            report(outcomes[-1])
    return [*outcomes, *not_compared(outcomes)]


def compare(comparison: Comparison) -> Outcome:
    """Make one comparison, from `SEED`; torch's state is afterwards what it was."""
    deviation: float | None = None
    error: str | None = None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        try:
            deviation = float(comparison.deviation())
        except Exception as raised:  # noqa: BLE001 - whatever it is becomes a failing row that names it
            error = " ".join(f"{type(raised).__name__}: {raised}".split())
    return Outcome(comparison.section, comparison.equation, comparison.compared, comparison.tolerance, deviation, error)


def not_compared(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """A failing outcome for each equation that has none with a deviation."""
    done = {(outcome.section, outcome.equation) for outcome in outcomes}
    return [
        Outcome(section, equation, "not compared", 0.0, None, "no comparison is registered for it")
        for section, equation in EQUATIONS
        if (section, equation) not in done
    ]


def largest(pairs: Iterable[tuple[object, object]]) -> float:
    """The largest absolute difference over pairs of numbers, arrays or tensors of equal shapes; NaN if one is NaN.

    Raises:
        ValueError: the shapes of a pair differ, or there is no pair.
    """
    worst = -math.inf
    for one, other in pairs:
        a, b = (np.asarray(side.detach() if isinstance(side, torch.Tensor) else side, dtype=np.float64)
                for side in (one, other))  # fmt: skip
        if a.shape != b.shape:
            raise ValueError(f"shapes {a.shape} and {b.shape} differ")
        difference = float(np.abs(a - b).max()) if a.size else 0.0
        worst = difference if math.isnan(difference) else max(worst, difference)
        if math.isnan(worst):
            return worst
    if worst < 0:
        raise ValueError("nothing was compared")
    return worst
