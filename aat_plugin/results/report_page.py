"""What `aat report` shows: Tables 1 to 4 and what was run here, each number with a link to its run.

A section is made of published data and of runs that were found; where there is no run, a cell says "not run". Read
`runs` first, `page` next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aat_plugin.results import charts, cost_sections, table1_sections, table3_sections, whatif
from aat_plugin.results.figures.model import model
from aat_plugin.results.figures.positions import positions
from aat_plugin.results.figures.schedule import schedule
from aat_plugin.results.figures.smoothing import smoothing
from aat_plugin.results.figures.training import PLACES, training
from aat_plugin.results.figures.worked_example import worked_example
from aat_plugin.results.page import Cell, Section, Table, render
from aat_plugin.results.provenance import NO_DATA
from aat_plugin.results.recorded_runs import NOT_RUN, Figure, Run, figures, newest
from aat_plugin.results.table2 import COLUMNS, SYSTEMS
from aat_plugin.results.table3 import BY_NAME, VOCABULARY, config_of
from aat_plugin.results.table4 import COLUMN, PARSERS

TITLE = "Attention Is All You Need: its tables, published and run"
LEAD = (
    "What the paper printed, beside what was run with aat_plugin. A number of ours carries the name of its run, which "
    "leads to the command, commit, versions, machine and data behind it; everything else says “not run”."
)


def report(runs: Sequence[Run]) -> str:
    """The whole page as HTML text."""
    sections = [section for make in SECTIONS.values() for section in make(runs)]
    return render(TITLE, LEAD, [*sections, *provenances(runs)], contents=True)


def table1(runs: Sequence[Run]) -> list[Section]:
    """Table 1: the newest measurement."""
    return table1_sections.sections(newest(runs, "table1"))


def table2(runs: Sequence[Run]) -> list[Section]:
    """Table 2: BLEU on newstest2014, and training cost in two ways."""
    ours = figures(runs, "table2")
    rows: list[list[str | Cell]] = []
    for system in SYSTEMS:
        shown = [_published(getattr(system, column)) for column in COLUMNS]
        here = [_ours(ours.get((system.variation or "", column)), system.variation) for column in COLUMNS]
        rows.append([system.name, shown[0], here[0], shown[1], here[1]])
    known = {(system.variation, column) for system in SYSTEMS for column in COLUMNS}
    text = [
        "BLEU on newstest2014, as published (tokenised, compounds split for EN-DE) and as run here. Runs on other data "
        "are below and cannot be compared with these.",
    ]
    return [
        Section("Table 2: translation quality and cost", text,
                Table(("system", "EN-DE, paper", "EN-DE, here", "EN-FR, paper", "EN-FR, here"), rows, (1, 2, 3, 4)),
                anchor="table2"),
        cost_sections.published(),
        cost_sections.ours(runs),
        *_others("Other translation runs", "BLEU", ours, known),
    ]  # fmt: skip


def table3(runs: Sequence[Run]) -> list[Section]:
    """Table 3: all rows, and the newest run of each scale."""
    return table3_sections.sections([run for run in runs if "table3" in run.content])


def table4(runs: Sequence[Run]) -> list[Section]:
    """Table 4: F1 on Section 23."""
    ours = figures(runs, "table4")
    rows: list[list[str | Cell]] = [
        [one.name, one.training, f"{one.f1:.1f}", _ours(ours.get((one.row, COLUMN)), one.row)] for one in PARSERS
    ]
    known = {(one.row, COLUMN) for one in PARSERS}
    return [
        Section("Table 4: constituency parsing", ["F1 on Section 23 of the Wall Street Journal."],
                Table(("parser", "training", "F1, paper", "F1, here"), rows, (2, 3)), anchor="table4"),
        *_others("Other parsing runs", "F1", ours, known),
    ]  # fmt: skip


DEMO: tuple[tuple[str, str, str, str], ...] = (
    ("translation", "bleu", "BLEU", "the Transformer"),
    ("translation", "dictionary_bleu", "BLEU", "a word-for-word dictionary"),
    ("translation", "copy_bleu", "BLEU", "copying the English"),
    ("parsing", "f1", "F1", "the Transformer, parsing"),
    ("parsing", "right_branching_f1", "F1", "a bracket from each word to the end"),
    ("parsing", "flat_f1", "F1", "one flat bracket"),
)
"""Part and name in the demo's results, measure, what it is called here."""


def demo(runs: Sequence[Run]) -> list[Section]:
    """The demo, if it was run."""
    run = newest(runs, "translation")
    rows: list[list[str | Cell]] = []
    for part, name, measure, label in DEMO:
        found = run.content.get(part, {}) if run is not None else {}
        number = Cell(f"{found[name]:.2f}", run.name) if run is not None and name in found else NOT_RUN
        rows.append([label, measure, number])
    text = ["Sentences of a made-up grammar whose patterns were not trained on. Not in the paper: it shows that the "
            "whole way works on this machine (make demo)."]  # fmt: skip
    note = f"{run.content['translation'].get('signature', '')}; run {run.name}" if run is not None else ""
    picture = ""
    if run is not None and any((run.folder / place).is_file() for place in PLACES):
        picture = charts.inline(training([run.folder]))
    table = Table(("system", "measure", "here"), rows, (2,))
    return [Section("The demo", text, table, picture, note=note, anchor="demo")]


def what_ifs(runs: Sequence[Run]) -> list[Section]:
    """What was trained with one thing missing."""
    run = newest(runs, "whatif")
    cases = run.content["whatif"]["cases"] if run is not None else {}
    rows: list[list[str | Cell]] = []
    for case in whatif.CASES:
        found = cases.get(case.name)
        if found is None or run is None:
            numbers: list[str | Cell] = [NOT_RUN, NOT_RUN, NOT_RUN]
        elif "failed" in found:
            numbers = ["broke", "broke", Cell(whatif.sentence(case.name, cases), run.name)]
        else:
            numbers = [Cell(f"{found['bleu']:.1f}", run.name, named=False),
                       Cell(f"{found['perplexity']:.2f}", run.name, named=False),
                       Cell(whatif.sentence(case.name, cases), run.name)]  # fmt: skip
        rows.append([case.missing, *numbers, case.claim])
    picture = charts.inline(whatif.picture(cases)) if cases else ""
    budget = f"{run.content['whatif']['budget']:,} updates each, one seed. " if run is not None else ""
    text = [f"The demo trained with one thing missing. {budget}What the paper claims was claimed of its own data and "
            "sizes; a tiny model on a made-up grammar can differ."]  # fmt: skip
    head = ("without", "BLEU", "perplexity", "what came out", "what the paper says")
    note = f"run {run.name}" if run is not None else ""
    table = Table(head, rows, (1, 2), (3, 4))
    return [Section("What if one thing were missing?", text, table, picture, note=note, anchor="whatif")]


def drawn(runs: Sequence[Run]) -> list[Section]:
    """The figures that need no run: Figures 1 and 2, positions, the schedule, smoothed targets."""
    base = config_of(BY_NAME["base"].sizes, VOCABULARY, "paper")
    text = "Drawn from the code that trains and translates. Figures 3 to 5 need a trained model: aat figure attention."
    made = [Section("The figures", [text], anchor="figures")]
    for title, command, picture in (
        ("Figure 1: the base model", "aat figure model", model(base, "base")),
        ("Figure 2: scaled dot-product attention by hand, and two heads", "aat figure example", worked_example()),
        ("Positions (Section 3.5)", "aat figure positions --d-model 128", positions(d_model=128)),
        ("The learning rate (Section 5.3)", "aat figure schedule", schedule()),
        ("Smoothed targets (Section 5.4)", "aat figure smoothing", smoothing()),
    ):
        made.append(Section(title, picture=charts.inline(picture), commands=[command], minor=True))
    return made


def provenances(runs: Iterable[Run]) -> list[Section]:
    """Where each run's numbers came from; links in tables lead here."""
    made = [Section("The runs", ["Every run behind a number above."], anchor="runs")]
    for run in runs:
        source = run.provenance
        machine = source["hardware"]
        rows = [
            ("folder", str(run.folder)),
            ("date", str(source["date"])),
            ("commit", f"{source['plugin']['commit']} (aat_plugin {source['plugin']['version']})"),
            ("versions", ", ".join(f"{name} {version}" for name, version in source["versions"].items())),
            ("hardware", f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"),
            ("threads", str(source["threads"])),
            ("data, SHA-256", "none" if source["data_sha256"] == NO_DATA else str(source["data_sha256"])),
        ]
        made.append(Section(f"Run {run.name}", table=Table(("", ""), rows), commands=source["commands"], minor=True,
                            anchor=f"run-{run.name}"))  # fmt: skip
    return made if len(made) > 1 else [Section("The runs", ["None was found: nothing of ours was run."], anchor="runs")]


def _published(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _ours(found: Sequence[Figure] | None, row: str | None) -> str | Cell:
    """Our newest number for a place, or that it was not run; empty for rows that are not ours."""
    if not row:
        return ""
    return NOT_RUN if not found else Cell(f"{found[0].value:.2f}", found[0].run.name)


def _others(
    title: str, metric: str, ours: Mapping[tuple[str, str], Sequence[Figure]], known: set[Any]
) -> list[Section]:
    """Runs whose row or column is not the paper's."""
    rows: list[list[str | Cell]] = [
        [row, column, Cell(f"{one.value:.2f}", one.run.name), one.note]
        for (row, column), found in sorted(ours.items()) if (row, column) not in known for one in found
    ]  # fmt: skip
    return [Section(title, table=Table(("system", "data", metric, "scoring"), rows, (2,)), minor=True)] if rows else []


SECTIONS: Mapping[str, Callable[[Sequence[Run]], list[Section]]] = {
    "table1": table1, "table2": table2, "table3": table3, "table4": table4, "demo": demo, "whatif": what_ifs,
    "figures": drawn,
}  # fmt: skip
"""In the order of the page."""
