"""`aat score parse`: labelled brackets against gold trees, as EVALB counts them and as is fair.

Read `parsing.evalb` for what is counted and `parsing.evalb_report` for what is printed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aat_plugin.parsing.evalb import Sentence
    from aat_plugin.parsing.prm import Parameters
    from aat_plugin.parsing.significance import Comparison

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat score parse --gold test.trees --pred parsed.trees")
def parse(
    gold: Annotated[Path, typer.Option(help="Gold trees in brackets, plain or .gz.")],
    pred: Annotated[
        Path, typer.Option(help="Predictions, one tree a line, blank for none; or n-best: 'number ||| tree ||| score'.")
    ],
    prm: Annotated[Path | None, typer.Option(help="A parameter file of EVALB; COLLINS' are built in.")] = None,
    evalb_compatible: Annotated[
        bool, typer.Option("--evalb-compatible", help="Count as the C program: mismatched sentences vanish.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", metavar="text|evalb", help="evalb: the C program's lines, and its counting.")
    ] = "text",
    baseline: Annotated[
        Path | None, typer.Option(help="Another parser's trees: test whether the difference is significant.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Test sets that the paired bootstrap draws.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Score parses: labelled precision, recall and F1, all and up to 40 words, by label.

    By default gold tags are restored, ROOT counts as TOP, and a missing parse counts as wrong.
    """
    from aat_plugin.errors import ConfigError, choose
    from aat_plugin.parsing.evalb_files import read_gold, read_predictions, score
    from aat_plugin.parsing.prm import COLLINS, read_prm

    choose("--format", form, ("text", "evalb"))
    if form == "evalb" and as_json:
        raise ConfigError("--format evalb and --json are two forms of one answer; give one of them")
    as_evalb = evalb_compatible or form == "evalb"
    parameters = COLLINS if prm is None else read_prm(prm)
    trees = read_gold(gold)
    predictions = read_predictions(pred, len(trees))
    sentences, best = score(trees, predictions, parameters, as_evalb=as_evalb)
    width = max(map(len, predictions))
    oracle = best if width > 1 else None
    comparison = None
    if baseline is not None:
        others, _ = score(trees, read_predictions(baseline, len(trees)), parameters, as_evalb=as_evalb)
        comparison = _compare(sentences, others, samples)
    if form == "evalb":
        _show_as_evalb(sentences, parameters)
    elif as_json:
        print(json.dumps(_report(sentences, oracle, width, comparison, parameters, as_evalb), indent=2,
                         ensure_ascii=False))
    else:
        _show(sentences, oracle, width, comparison, parameters, as_evalb)


def _compare(sentences: list[Sentence], others: list[Sentence], samples: int) -> Comparison:
    """Only sentences that both have: a line blank in gold may be blank in one of them alone."""
    from aat_plugin.parsing.significance import compare

    shared = {one.number for one in sentences} & {one.number for one in others}
    ours, theirs = ([one for one in side if one.number in shared] for side in (sentences, others))
    return compare(ours, theirs, samples)


def _report(
    sentences: list[Sentence], oracle: list[Sentence] | None, width: int, comparison: Comparison | None,
    parameters: Parameters, as_evalb: bool,
) -> dict[str, Any]:
    from aat_plugin.parsing.evalb_report import as_json, figures
    from aat_plugin.parsing.evalb_totals import add_up

    report = as_json(sentences, parameters, as_evalb=as_evalb)
    if oracle is not None:
        report["oracle"] = {"nbest": width, **figures(add_up(oracle, as_evalb=as_evalb))}
    if comparison is not None:
        report["comparison"] = {**asdict(comparison), "verdict": comparison.verdict}
    return report


def _show_as_evalb(sentences: list[Sentence], parameters: Parameters) -> None:
    from aat_plugin.parsing.evalb_report import evalb_lines, notes

    print("\n".join(evalb_lines(sentences, parameters)))
    for note in notes(sentences, parameters, as_evalb=True):
        print(f"aat: {note}", file=sys.stderr)


def _show(
    sentences: list[Sentence], oracle: list[Sentence] | None, width: int, comparison: Comparison | None,
    parameters: Parameters, as_evalb: bool,
) -> None:
    from aat_plugin.parsing.evalb_report import summary_lines
    from aat_plugin.parsing.evalb_totals import add_up

    print("\n".join(summary_lines(sentences, parameters, as_evalb=as_evalb)))
    if oracle is not None:
        print(f"oracle F1 of up to {width} parses a sentence: {add_up(oracle, as_evalb=as_evalb).f1:.2f}")
    print(f"parameters: {parameters.source}; protocol: {'EVALB' if as_evalb else 'default'}")
    if comparison is None:
        other = "without --evalb-compatible, nothing vanishes" if as_evalb else "--format evalb prints what EVALB would"
        print(f"Next: {other}; --baseline OTHER tests whether the difference to another parser is chance")
        return
    for name, value, (low, high) in (("system", comparison.score, comparison.interval),
                                     ("baseline", comparison.baseline, comparison.baseline_interval)):
        print(f"{name}: F1 {value:.2f} (95 % of samples: {low:.2f} to {high:.2f})")
    print(f"paired bootstrap, {comparison.samples} samples, seed {comparison.seed}: p = {comparison.p_value:.4f}")
    print(f"Next: the system against the baseline is: {comparison.verdict} (5 % level); report p with the score")
