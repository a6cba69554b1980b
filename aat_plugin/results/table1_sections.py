"""Table 1 on a page: claims beside fitted exponents and measured paths, and the curves. Read `table1` first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aat_plugin.results import charts
from aat_plugin.results.layer_claims import CLAIMS
from aat_plugin.results.page import Cell, Section, Table
from aat_plugin.results.recorded_runs import NOT_RUN, Run

HEAD = ("layer", "operations, paper", "exponents of n, d", "fitted", "sequential, paper", "exponent, fitted",
        "longest path, paper", "counted")  # fmt: skip


def sections(run: Run | None) -> list[Section]:
    """The table, and plots where it was measured."""
    found = {row["name"]: row for row in run.content["table1"]["rows"]} if run is not None else {}
    rows = [_row(claim, found.get(claim.name), run) for claim in CLAIMS]
    text = [
        "Operations are multiplications and additions of one forward pass, counted exactly while the layer ran. The "
        "projections of a whole attention layer, n · d², are not in Table 1; with them it falls between. A path is the "
        "longest over pairs of positions of the shortest in the graph of the layer's own gradients; a centred kernel "
        "or neighbourhood of k reaches (k − 1) / 2 to a side, so that n / k is 2 n / (k − 1) hops.",
    ]
    table = Section("Table 1: layers compared", text, Table(HEAD, rows), note=_settings(run), anchor="table1")
    return [table] if run is None else [table, *_plots(run)]


def _row(claim: Any, row: Mapping[str, Any] | None, run: Run | None) -> list[str | Cell]:
    claimed = "{:g}, {:g}".format(*claim.exponents)
    if row is None or run is None:
        return [claim.name, claim.complexity, claimed, NOT_RUN, claim.sequential, NOT_RUN, claim.path, NOT_RUN]
    paths = ", ".join(str(value) for value in row["paths"].values())
    return [claim.name, claim.complexity, claimed, Cell("{:.2f}, {:.2f}".format(*row["exponents"]), run.name),
            claim.sequential, Cell(f"{row['depth_exponent']:.2f}", run.name, named=False), claim.path,
            Cell(paths, run.name, named=False)]  # fmt: skip


def _settings(run: Run | None) -> str:
    if run is None:
        return "aat report table1 measures it in a minute or two."
    used = run.content["table1"]["settings"]
    return (f"n {used['lengths']} at d = {max(used['widths'])}; d {used['widths']} at n = {min(used['lengths'])}; k = "
            f"{used['kernel']}, r = {used['neighbourhood']}; paths at n = {used['paths']}, sequential steps at n = "
            f"{used['depths']}; run {run.name}")  # fmt: skip


def _plots(run: Run) -> list[Section]:
    rows: list[Mapping[str, Any]] = run.content["table1"]["rows"]
    made = []
    for name, title, y, text in (
        ("operations", "Operations against length", "operations", "Exact."),
        ("kept_bytes", "Memory against length", "bytes kept for the backward pass", "Exact."),
        ("seconds", "Time against length", "processor seconds", "Forward and backward on this machine, the median."),
        ("paths", "Longest path against length", "hops", "Exact."),
    ):
        series = {row["name"]: [(float(n), float(value)) for n, value in row[name].items()] for row in rows}
        ends = "; ".join(f"{kind} {points[-1][1]:.3g}" for kind, points in series.items())
        picture = charts.line_chart(series, x="n, positions", y=y, log_x=True, log_y=True, size=(5.6, 4.6),
                                    alt=f"{title}, both logarithmic. At the longest: {ends}.")  # fmt: skip
        exponent = {"kept_bytes": "memory_exponent", "seconds": "time_exponent"}.get(name)
        fitted = "; ".join(f"{row['name']} {row[exponent]:.2f}" for row in rows) if exponent else ""
        shown = f"{text} Fitted exponents of n: {fitted}." if fitted else text
        made.append(Section(title, [shown], picture=charts.inline(picture), note=f"run {run.name}", minor=True))
    return made
