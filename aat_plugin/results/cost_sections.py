"""Table 2's right half on a page: what trainings cost, published and of runs here, each in two ways. Section 6.1.

Read `table2` for the published ones, `training_cost` for ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aat_plugin.results.page import Cell, Section, Table
from aat_plugin.results.recorded_runs import GRAMMAR, NOT_RUN, Run, figures
from aat_plugin.results.table2 import COLUMNS, SYSTEMS, System, model_operations
from aat_plugin.results.training_cost import Cost

UNKNOWN = "unknown"
HEAD = ("system", "data", "updates", "target tokens", "model", "machine", "utilisation")
Row = list[str | Cell]


def published() -> Section:
    """Floating-point operations of a training, in the paper's way and by the model."""
    rows: list[Row] = []
    for system in SYSTEMS:
        rows.append([system.name, *(cell for column in COLUMNS for cell in _cost(system, column))])
    models: list[str] = []
    for system in SYSTEMS:
        if system.variation is not None and system.training_en_de is not None:
            asked, could = model_operations(system.variation), system.training_en_de.operations
            models.append(f"{system.name}: the model itself asks for {asked:.2e}, {100 * asked / could:.0f} % of that.")
    return Section(
        "Training cost, floating-point operations",
        ["“Recomputed” is the paper's way: time × devices × the sustained rate of a device, from the systems' own "
         "hardware and days. It is what the machines could have done. What the model does, counted from its "
         "architecture at V = 37,000 in updates of 25,000 + 25,000 tokens and sentences of 30, is another number; the "
         "share is the utilisation. The paper's ensembles are eight times the rounded cost of one model.", *models],
        Table(("system", "EN-DE, paper", "EN-DE, recomputed", "EN-FR, paper", "EN-FR, recomputed"), rows, (1, 2, 3, 4)),
        minor=True,
    )  # fmt: skip


def _cost(system: System, column: str) -> tuple[str, str]:
    published, training = getattr(system, f"cost_{column}"), getattr(system, f"training_{column}")
    return ("" if published is None else f"{published:.1e}", "" if training is None else f"{training.operations:.1e}")


def ours(runs: Sequence[Run]) -> Section:
    """What the trainings of runs here cost: Table 2's rows, or that they were not run, then the others."""
    return Section(
        "Training cost of runs here",
        ["Floating-point operations of each training, counted twice. Model: what the run's own config asks for on the "
         "tokens that it saw, forward and backward. Machine: the paper's way, time × devices × the sustained rate of a "
         "device. Utilisation is the first over the second."],
        Table(HEAD, list(_rows(runs)), (2, 3, 4, 5, 6)), note=" ".join(_machines(runs)), minor=True,
    )  # fmt: skip


def _rows(runs: Sequence[Run]) -> Iterator[Row]:
    found = figures(runs, "table2")
    places = [(system.variation or "", column) for system in SYSTEMS if system.variation for column in COLUMNS]
    places.append(("demo", GRAMMAR))
    for place in [*places, *sorted(set(found) - set(places))]:
        if place not in found:
            yield [*place, *[NOT_RUN] * (len(HEAD) - 2)]
        for one in found.get(place, []):
            yield [*place, *_cells(one.cost, one.run)]


def _cells(cost: Cost | None, run: Run) -> Row:
    """Below `HEAD` from the third on; the model's number bears the run's name."""
    if cost is None:
        return [UNKNOWN, UNKNOWN, Cell(UNKNOWN, run.name), UNKNOWN, UNKNOWN]
    asked, could, share = cost.model_operations, cost.machine_operations, cost.utilisation
    shown = [f"{cost.updates:,}", f"{cost.target_tokens:,.0f}", _number(asked), _number(could),
             UNKNOWN if share is None else f"{100 * share:.0f} %"]  # fmt: skip
    return [Cell(text, run.name, named=place == 2) for place, text in enumerate(shown)]


def _machines(runs: Sequence[Run]) -> Iterator[str]:
    """What each run's machine took, and whence its rate is known."""
    for found in figures(runs, "table2").values():
        for one in found:
            cost = one.cost
            if cost is None:
                yield f"{one.run.name}: recorded without a checkpoint."
                continue
            rate = UNKNOWN if cost.rate is None else f"{cost.rate:.2e} a second"
            took = f"{cost.seconds:,.0f} s × {cost.devices} × {cost.device}: {rate}, {cost.rate_from}"
            yield f"{one.run.name}: {took}. {cost.known_by}."


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2e}"
