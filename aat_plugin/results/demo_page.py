"""The demo's page and its results.json: figures with their provenance, the curve, samples, commands and times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aat_plugin.demo.run import Outcome
from aat_plugin.demo.steps import threads
from aat_plugin.parsing.cleaning import TOP
from aat_plugin.parsing.drawing import draw
from aat_plugin.parsing.trees import read_trees
from aat_plugin.results import charts, provenance, training_log
from aat_plugin.results.page import Section, Table, render
from aat_plugin.results.recorded_runs import GRAMMAR
from aat_plugin.results.training_cost import LAST, cost_of

TITLE = "Attention Is All You Need: the demo"
LEAD = (
    "Two tiny Transformers, on this machine: one learned to translate a made-up English into a made-up German, the "
    "other to parse the English, by the steps that WMT14 and the Penn Treebank go through: prepare, train, average, "
    "translate or parse, score."
)


def write(outcome: Outcome) -> tuple[Path, Path]:
    """Write `results.json` and `index.html` into the demo's folder.

    Returns:
        (results, page).
    """
    places = outcome.places
    data = [*sorted(places.text.glob("*.??")), *sorted(places.text.glob("*.trees"))]
    source = provenance.collect(
        outcome.commands, data, seconds=round(sum(outcome.seconds.values()), 1), threads=threads()
    )
    results = {
        "translation": outcome.translation, "parsing": outcome.parsing, "seconds": outcome.seconds,
        "cells": cells(outcome), "provenance": source,
    }
    files = places.root / "results.json", places.root / "index.html"
    _replace(files[0], json.dumps(results, indent=2) + "\n")
    _replace(files[1], render(TITLE, LEAD, sections(outcome, source)))
    return files


def cells(outcome: Outcome) -> list[dict[str, Any]]:
    """The two scores for below Tables 2 and 4, the first with what its training cost."""
    cost = cost_of(outcome.places.checkpoints / LAST, None, int(threads()))
    return [
        {"table": "table2", "row": "demo", "column": GRAMMAR, "value": outcome.translation["bleu"],
         "note": outcome.translation["signature"], "cost": cost.to_json()},
        {"table": "table4", "row": "demo", "column": GRAMMAR, "value": outcome.parsing["f1"],
         "note": "EVALB, COLLINS' parameters, beam 21"},
    ]  # fmt: skip


def sections(outcome: Outcome, source: provenance.Provenance) -> list[Section]:
    """What the page shows, in order."""
    return [
        _scores(outcome, source), _curve(outcome), _samples(outcome.samples), _parsing(outcome.parsing, source),
        _tree(*outcome.tree), _steps(outcome),
    ]


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
    # One below the other: side by side, a phone would hide the last column, which is the Transformer's.
    names = ("English", "reference", "dictionary", "Transformer")
    rows = [row for sample in samples for row in zip(names, sample, strict=True)]
    return Section("What it says", table=Table(("by", "sentence"), rows))


def _parsing(found: Mapping[str, Any], source: provenance.Provenance) -> Section:
    rows = [
        ("the Transformer, beam 21", f"{found['f1']:.2f}", f"{found['malformed_rate']:.1f} %"),
        ("the same, searching among trees alone", f"{found['constrained_f1']:.2f}",
         f"{found['constrained_malformed_rate']:.1f} %"),
        ("a bracket from each word to the end", f"{found['right_branching_f1']:.2f}", "–"),
        ("one flat bracket", f"{found['flat_f1']:.2f}", "–"),
    ]
    text = (
        f"F1 of labelled brackets, as EVALB counts them, on the same {found['sentences']} sentences; "
        f"{found['shapes_seen']:.1f} % of their trees have a shape (brackets and labels without words and tags) that "
        "was trained on. Repaired: outputs that were no tree over the sentence's words, and were made one by rules."
    )
    note = (
        f"{found['sentences_per_second']:.1f} sentences/s, {found['constrained_sentences_per_second']:.1f} among trees "
        f"alone, while the demo ran. {provenance.in_words(source)}"
    )
    table = Table(("system", "F1", "repaired"), rows, numeric=(1, 2))
    return Section("Did it learn to parse?", [text], table, note=note)


def _tree(parsed: str, gold: str) -> Section:
    ours, theirs = read_trees([parsed, gold])
    brackets = [[(node.label, node.words()) for node in tree.preorder() if node.word is None and node.label != TOP]
                for tree in (ours, theirs)]
    verdict = "the gold tree's" if brackets[0] == brackets[1] else "not all the gold tree's"
    text = f"The first test sentence of middling length, as the Transformer parsed it; its brackets are {verdict}."
    return Section("What it sees", [text], picture=draw(ours.children))


def _steps(outcome: Outcome) -> Section:
    rows = [(name, f"{seconds:.0f} s") for name, seconds in outcome.seconds.items()]
    shown = [command for command in outcome.commands if command.startswith(("aat ", "fairseq-"))]
    return Section("How to do it again", table=Table(("step", "time"), rows, numeric=(1,)), commands=shown)


def _replace(file: Path, text: str) -> None:
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(file)


