"""The demo's page and its results.json: figures with their provenance, the curve, samples, commands and times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from aat_plugin.demo.run import Outcome
from aat_plugin.demo.steps import threads
from aat_plugin.results import charts, provenance, training_log
from aat_plugin.results.page import Section, Table, render

TITLE = "Attention Is All You Need: the demo"
LEAD = (
    "A tiny Transformer learned to translate a made-up English into a made-up German, on this machine, by the steps "
    "that WMT14 goes through: prepare, train, average, translate, score."
)


def write(outcome: Outcome) -> tuple[Path, Path]:
    """Write `results.json` and `index.html` into the demo's folder.

    Returns:
        (results, page).
    """
    places = outcome.places
    data = sorted(places.text.glob("*.??"))
    source = provenance.collect(
        outcome.commands, data, seconds=round(sum(outcome.seconds.values()), 1), threads=threads()
    )
    results = {"translation": outcome.translation, "seconds": outcome.seconds, "provenance": source}
    files = places.root / "results.json", places.root / "index.html"
    _replace(files[0], json.dumps(results, indent=2) + "\n")
    _replace(files[1], render(TITLE, LEAD, sections(outcome, source)))
    return files


def sections(outcome: Outcome, source: provenance.Provenance) -> list[Section]:
    """What the page shows, in order."""
    return [_scores(outcome, source), _curve(outcome), _samples(outcome.samples), _steps(outcome)]


def _scores(outcome: Outcome, source: provenance.Provenance) -> Section:
    found = outcome.translation
    rows = [
        ("the Transformer", f"{found['bleu']:.2f}"),
        ("a word-for-word dictionary made from the same pairs", f"{found['dictionary_bleu']:.2f}"),
        ("copying the English", f"{found['copy_bleu']:.2f}"),
    ]
    text = (
        f"BLEU on {found['sentences']} unseen sentences, of which no sentence pattern occurs in training either. What "
        "lies between the dictionary and 100 is word order, agreement, case and compounds."
    )
    note = f"{found['signature']}. {provenance.in_words(source)}"
    return Section("Did it learn to translate?", [text], Table(("system", "BLEU"), rows, numeric=(1,)), note=note)


def _curve(outcome: Outcome) -> Section:
    with (outcome.places.logs / "train.log").open(encoding="utf-8") as log:
        records = list(training_log.records(log))
    drawn = {
        "training": training_log.curve(records, "train", "ppl"),
        "unseen patterns": training_log.curve(records, "valid", "ppl"),
    }
    last = {name: points[-1] for name, points in drawn.items() if points}
    words = "; ".join(f"{name}: {value:.2f} after {update} updates" for name, (update, value) in last.items())
    picture = charts.curves(
        {name: [(float(update), value) for update, value in points] for name, points in drawn.items()},
        x="updates", y="perplexity", alt=f"Perplexity falls while it trains. At the end, {words}.", log_y=True,
    )
    return Section("How it learned", [f"Perplexity of a subword. {words}."], picture=picture)


def _samples(samples: Sequence[tuple[str, str, str, str]]) -> Section:
    head = ("English", "reference", "dictionary", "Transformer")
    return Section("What it says", table=Table(head, samples))


def _steps(outcome: Outcome) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in outcome.seconds.items()]
    shown = [command for command in outcome.commands if command.startswith(("aat ", "fairseq-"))]
    return Section("How to do it again", table=Table(("step", "time"), rows, numeric=(1,)), commands=shown)


def _replace(file: Path, text: str) -> None:
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


