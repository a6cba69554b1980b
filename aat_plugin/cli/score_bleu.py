"""`aat score bleu`: BLEU by a named protocol, with what it takes to compare it, and whether two systems differ.

Read `score_input` for what is read and `translation.bleu` for the protocols.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aat_plugin.cli import score_input

if TYPE_CHECKING:
    from aat_plugin.cli.score_input import Side
    from aat_plugin.translation.bleu import Score, Setting
    from aat_plugin.translation.significance import Comparison

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat score bleu --protocol paper --hyp translations.de --ref test.de")
def bleu(
    hyp: Annotated[Path, typer.Option(help="Translations: a sentence a line, or what fairseq-generate printed.")],
    ref: Annotated[
        Path | None, typer.Option(help="References; left out, the T- lines of fairseq-generate's output.")
    ] = None,
    protocol: Annotated[
        str, typer.Option(metavar="paper|multi-bleu|sacrebleu|t2t", help="paper: Table 2's, compounds split.")
    ] = "paper",
    lang: Annotated[
        str | None, typer.Option(help="The target's language, for Moses' tokeniser; else --ref's suffix, else de.")
    ] = None,
    tokenized: Annotated[bool, typer.Option("--tokenized", help="The lines are tokens already.")] = False,
    lowercase: Annotated[bool, typer.Option("--lowercase", help="Compare without case.")] = False,
    baseline: Annotated[
        Path | None, typer.Option(help="Another system's translations: test whether the difference is significant.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Test sets that the paired bootstrap draws.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print score, signature and parts as JSON.")] = False,
) -> None:
    """Score translations with BLEU and chrF.

    Plain files hold text, which the protocol tokenises, unless --tokenized says that they are tokens.
    """
    from aat_plugin.translation import bleu as scorer

    language = lang or score_input.language_of(ref)
    setting = scorer.Setting(protocol, language, tokenized, lowercase)
    sides = _sides(hyp, ref, baseline, setting)
    setting = scorer.Setting(protocol, language, sides[0].tokens, lowercase)
    hypotheses, references, *others = sides
    result = scorer.score(hypotheses.lines, references.lines, setting)
    uncased = None
    if protocol == "t2t" and not lowercase:  # t2t-bleu prints both
        lowered = scorer.Setting(protocol, language, setting.tokenized, lowercase=True)
        uncased = scorer.score(hypotheses.lines, references.lines, lowered).score
    comparison = _compare(hypotheses, references, others[0], setting, samples) if others else None
    if as_json:
        print(json.dumps(_report(result, setting, sides, uncased, comparison), indent=2, ensure_ascii=False))
    else:
        _show(result, setting, sides, uncased, comparison)


def _sides(hyp: Path, ref: Path | None, baseline: Path | None, setting: Setting) -> list[Side]:
    """Hypotheses, references and (where there is one) the baseline, of one length and form."""
    hypotheses, beside = score_input.read_hypotheses(hyp, setting.tokenized)
    references = score_input.read_references(ref, beside, setting.tokenized)
    sides = [hypotheses, references]
    if baseline is not None:
        sides.append(score_input.read_hypotheses(baseline, setting.tokenized)[0])
    for side in (hypotheses, *sides[2:]):
        score_input.check_same_length(side, references)
    return score_input.in_one_form(sides, setting.moses, setting.tokenized, setting.language)


def _compare(hypotheses: Side, references: Side, baseline: Side, setting: Setting, samples: int) -> Comparison:
    from aat_plugin.translation import significance

    return significance.compare(hypotheses.lines, baseline.lines, references.lines, setting, samples)


def _report(
    result: Score, setting: Setting, sides: list[Side], uncased: float | None, comparison: Comparison | None
) -> dict[str, Any]:
    """The JSON object; `score` is BLEU, 0 to 100."""
    report: dict[str, Any] = {"metric": "bleu", "protocol": setting.protocol, **asdict(result)}
    report["chrf"] = {"score": report.pop("chrf"), "signature": report.pop("chrf_signature")}
    report |= {"tokenizer": setting.tokenizer, "language": setting.language, "sentences": len(sides[0].lines)}
    for name, side in zip(("hypotheses", "references", "baseline"), sides, strict=False):
        report[name] = {"file": side.name, "kind": side.kind, "empty": len(side.empty)}
    if uncased is not None:
        report["score_uncased"] = uncased
    if comparison is not None:
        more = {"two_sided": comparison.two_sided, "verdict": comparison.verdict}
        report["comparison"] = {**asdict(comparison), **more}
    return report


def _show(
    result: Score, setting: Setting, sides: list[Side], uncased: float | None, comparison: Comparison | None
) -> None:
    print(result)
    if uncased is not None:
        print(f"uncased: {uncased:.2f}")
    print(f"chrF2 = {result.chrf:.2f} ({result.chrf_signature})")
    print(f"protocol {setting.protocol}; tokeniser: {setting.tokenizer}")
    print(f"signature {result.signature}")
    for name, side in zip(("hypotheses", "references", "baseline"), sides, strict=False):
        print(f"{name}: {side}")
    if comparison is None:
        print(f"Next: is it better than another system? Add --baseline OTHER (paired bootstrap); {_other(setting)}")
        return
    for name, score, mean, interval in (
        ("system", comparison.score, comparison.mean, comparison.interval),
        ("baseline", comparison.baseline, comparison.baseline_mean, comparison.baseline_interval),
    ):
        print(f"{name}: {score:.2f} (samples' mean {mean:.2f} ± {interval:.2f})")
    print(
        f"paired bootstrap, {comparison.samples} samples, seed {comparison.seed}: p = {comparison.p_value:.4f} as "
        f"sacreBLEU counts, {comparison.two_sided:.4f} of either side"
    )
    print(f"The system against the baseline: {comparison.verdict} (5 % level). Next: {_other(setting)}")


def _other(setting: Setting) -> str:
    """The figure that should stand beside this one."""
    if setting.protocol == "sacrebleu":
        return "--protocol paper gives the figure to hold against Table 2"
    return "--protocol sacrebleu gives the figure to report beside it"
