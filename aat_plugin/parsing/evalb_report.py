"""What is printed of a score: EVALB's own lines, a summary for people, and the object behind `--json`.

Read `evalb` and `evalb_totals` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aat_plugin.parsing.evalb import LIMIT, Sentence, Status
from aat_plugin.parsing.evalb_totals import LabelFigures, Totals, add_up, by_label, percent
from aat_plugin.parsing.prm import Parameters

_RULE = "=" * 76


def evalb_lines(sentences: Sequence[Sentence], parameters: Parameters) -> Iterator[str]:
    """The lines that EVALB prints on standard output, its misspellings included.

    Args:
        sentences: from `compare_as_evalb`.
        parameters: for the cut-off length.
    """
    yield "  Sent.                        Matched  Bracket   Cross        Correct Tag"
    yield " ID  Len.  Stat. Recal  Prec.  Bracket gold test Bracket Words  Tags Accracy"
    yield _RULE
    for one in sentences:
        yield (
            f"{one.number:4d}  {one.length:3d}    {int(one.status)}  "
            f"{percent(one.matched, one.gold):6.2f} {percent(one.matched, one.test):6.2f}   "
            f"{one.matched:3d}    {one.gold:3d}  {one.test:3d}    {one.crossing:3d}"
            f"   {one.words:4d}  {one.tags:4d}   {percent(one.tags, one.words):6.2f}"
        )
    totals = add_up(sentences, as_evalb=True)
    yield _RULE
    brackets = ""
    if totals.gold > 0 and totals.test > 0:
        brackets = (f"{'':16}{totals.recall:6.2f} {totals.precision:6.2f} {totals.matched:6d} {totals.gold:5d} "
                    f"{totals.test:5d}  {totals.crossing:5d}")
    yield brackets + f"  {totals.words:5d} {totals.tags:5d}   {percent(totals.tags, totals.words):6.2f}"
    yield "=== Summary ==="
    yield from _evalb_summary("All", totals)
    yield from _evalb_summary(f"len<={parameters.cutoff}", add_up(sentences, as_evalb=True, cutoff=parameters.cutoff))


def _evalb_summary(name: str, totals: Totals) -> Iterator[str]:
    yield ""
    yield f"-- {name} --"
    yield f"Number of sentence        = {totals.sentences:6d}"
    yield f"Number of Error sentence  = {totals.errors:6d}"
    yield f"Number of Skip  sentence  = {totals.skipped:6d}"
    yield f"Number of Valid sentence  = {totals.valid:6d}"
    yield f"Bracketing Recall         = {totals.recall:6.2f}"
    yield f"Bracketing Precision      = {totals.precision:6.2f}"
    # In C, 0/0 prints as -nan.
    yield "Bracketing FMeasure       = " + (f"{totals.f1:6.2f}" if totals.matched else "  -nan")
    yield f"Complete match            = {percent(totals.complete, totals.valid):6.2f}"
    yield f"Average crossing          = {totals.average_crossing:6.2f}"
    yield f"No crossing               = {percent(totals.without_crossing, totals.valid):6.2f}"
    yield f"2 or less crossing        = {percent(totals.few_crossing, totals.valid):6.2f}"
    yield f"Tagging accuracy          = {percent(totals.tags, totals.words):6.2f}"


def figures(totals: Totals) -> dict[str, Any]:
    """The figures of one part of the summary; percentages, except average_crossing and the counts."""
    return {
        "sentences": totals.sentences,
        "error_sentences": totals.errors,
        "skipped_sentences": totals.skipped,
        "valid_sentences": totals.valid,
        "recall": totals.recall,
        "precision": totals.precision,
        "f1": totals.f1,
        "complete_match": percent(totals.complete, totals.counted),
        "average_crossing": totals.average_crossing,
        "no_crossing": percent(totals.without_crossing, totals.counted),
        "two_or_less_crossing": percent(totals.few_crossing, totals.counted),
        "tagging_accuracy": totals.tagging_accuracy,
        "matched_brackets": totals.matched,
        "gold_brackets": totals.gold,
        "test_brackets": totals.test,
        "crossing_brackets": totals.crossing,
        "words": totals.words,
        "correct_tags": totals.tags,
    }


def label_figures(one: LabelFigures) -> dict[str, Any]:
    """The figures of one label."""
    return {"gold": one.gold, "test": one.test, "matched": one.matched_gold, "recall": one.recall,
            "precision": one.precision, "f1": one.f1}


def as_json(sentences: Sequence[Sentence], parameters: Parameters, *, as_evalb: bool) -> dict[str, Any]:
    """The object that `--json` prints: `all`, `len40` (by the cut-off length), `by_label`, and what was left over."""
    return {
        "protocol": "evalb" if as_evalb else "default",
        "parameters": parameters.source,
        "all": figures(add_up(sentences, as_evalb=as_evalb)),
        f"len{parameters.cutoff}": figures(add_up(sentences, as_evalb=as_evalb, cutoff=parameters.cutoff)),
        "by_label": {one.label: label_figures(one) for one in by_label(sentences)},
        "missing": [one.number for one in sentences if one.status is Status.MISSING],
        "mismatched": [{"sentence": one.number, "reason": one.reason}
                       for one in sentences if one.status is Status.MISMATCHED],
        "notes": notes(sentences, parameters, as_evalb=as_evalb),
    }


def summary_lines(sentences: Sequence[Sentence], parameters: Parameters, *, as_evalb: bool) -> Iterator[str]:
    """The score for people: both parts side by side, the frequent labels, and every note."""
    parts = [add_up(sentences, as_evalb=as_evalb), add_up(sentences, as_evalb=as_evalb, cutoff=parameters.cutoff)]
    columns = [figures(part) for part in parts]
    yield f"{'':22}{'all':>10}{f'<= {parameters.cutoff} words':>14}"
    for key, name in _SHOWN:
        yield f"{name:22}{_cell(columns[0][key]):>10}{_cell(columns[1][key]):>14}"
    yield ""
    yield f"{'label':10}{'gold':>8}{'test':>8}{'recall':>9}{'precision':>11}{'F1':>8}"
    for one in by_label(sentences)[:12]:
        yield f"{one.label:10}{one.gold:8}{one.test:8}{one.recall:9.2f}{one.precision:11.2f}{one.f1:8.2f}"
    yield from notes(sentences, parameters, as_evalb=as_evalb)


_SHOWN = (
    ("sentences", "sentences"), ("recall", "recall"), ("precision", "precision"), ("f1", "F1"),
    ("complete_match", "complete match"), ("average_crossing", "average crossing"), ("no_crossing", "no crossing"),
    ("two_or_less_crossing", "two or less crossing"), ("tagging_accuracy", "tagging accuracy"),
    ("skipped_sentences", "missing"), ("error_sentences", "mismatched"),
)


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def notes(sentences: Sequence[Sentence], parameters: Parameters, *, as_evalb: bool) -> list[str]:
    """What a reader of the figures must know, one line each."""
    found = []
    for side, whose in ((0, "gold trees"), (1, "predictions")):
        tops = sorted({one.renamed[side] for one in sentences} - {""})
        if tops:
            count = sum(bool(one.renamed[side]) for one in sentences)
            found.append(f"{' and '.join(tops)} counted as TOP ({whose}: {count})")
    verb = "left out, as EVALB does" if as_evalb else "counted as wrong"
    for status, what in ((Status.MISSING, "no parse"), (Status.MISMATCHED, "other words than the gold tree")):
        numbers = [one.number for one in sentences if one.status is status]
        if numbers:
            shown = ", ".join(map(str, numbers[:20])) + (", …" if len(numbers) > 20 else "")
            found.append(f"{len(numbers)} with {what}, {verb}: sentence {shown}")
    over = [one.number for one in sentences if one.over]
    if over:
        found.append(f"{len(over)} with more than {LIMIT} words or brackets, at which EVALB fails: sentence {over[0]}"
                     + (", …" if len(over) > 1 else ""))
    errors = [one.number for one in sentences if one.status is Status.MISMATCHED]
    if as_evalb and len(errors) > parameters.max_error + 1:
        found.append(f"EVALB would have stopped at sentence {errors[parameters.max_error + 1]}, its error number "
                     f"{parameters.max_error + 2} with MAX_ERROR {parameters.max_error}, without a summary")
    return found
