"""Systems side by side on one test set: BLEU with intervals and tests, and what else their runs say.

The first system is what the others are held against. Figures of several seeds are mean ± standard deviation, and
groups of seeds are tested as groups (`groups`); two single runs by sacreBLEU's paired bootstrap. Losses are compared as
nll and perplexity, never smoothed. Read `runs` for what is read, `comparison_table` for how it is shown.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from aat_plugin.errors import DataError
from aat_plugin.results import groups
from aat_plugin.results.runs import Run, check_same_sentences, check_same_test
from aat_plugin.results.training_log import curve, tokens_trained
from aat_plugin.translation import bleu, significance

LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 40), (41, 50), (51, None))
"""Bins of the reference's length in words between blanks, for quality by length."""
SHOWN = 5
"""Sentences of each direction that are shown where two systems differ most."""
Measure = Callable[[Path], tuple[int, float | None]]
"""A checkpoint's parameters, and what training it costs a target token, in operations."""


@dataclass(frozen=True)
class System:
    """One system's figures; those of several seeds are means, but for the peak, which is the largest.

    Attributes:
        name: as the user gave it.
        files: its translations, a seed each.
        scores: BLEU of each seed.
        mean, deviation: of these; the deviation is None for one seed.
        interval: half the width of BLEU's 95 % interval over drawn test sets, of the seed in the middle.
        difference, p_value, verdict: from the first system, of either side; None for the first itself.
        p_sentences, p_seeds: what the p of groups is the larger of; None where both are single runs.
        decoding: how it was decoded, as far as its output says.
        nll: bits a token in the last validation, without smoothing; None where no log was given.
        perplexity: 2^nll.
        parameters: trained numbers of its checkpoint; None where there is none.
        tokens_per_second: the median over its training log, in target tokens.
        peak_gb: the most memory that training took, of the GPU where there was one; None where the log does not say.
        flops_per_token: operations of training, a target token, in sentences of 30 tokens.
        flops: of the whole training, as far as its log goes.
        updates: of the last validation.
        by_length: BLEU by bin of `LENGTHS`; None where a bin has no sentence.
        curve: (update, perplexity of validation).
    """

    name: str
    files: list[str]
    scores: list[float]
    mean: float
    deviation: float | None
    interval: float
    difference: float | None
    p_value: float | None
    verdict: str | None
    p_sentences: float | None
    p_seeds: float | None
    decoding: str
    nll: float | None
    perplexity: float | None
    parameters: int | None
    tokens_per_second: float | None
    peak_gb: float | None
    flops_per_token: float | None
    flops: float | None
    updates: int | None
    by_length: list[float | None]
    curve: list[tuple[int, float]]


@dataclass(frozen=True)
class Different:
    """A sentence on which a system and the first one differ.

    Attributes:
        number: from 1.
        system: the other system's name.
        gain: its chrF less the first's.
        reference, first, other: the texts; of several seeds, the one's in the middle.
    """

    number: int
    system: str
    gain: float
    reference: str
    first: str
    other: str


@dataclass(frozen=True)
class Comparison:
    """All of it.

    Attributes:
        systems: in the order given.
        signature: what must be the same for two scores to be compared.
        sentences: of the test set.
        in_bins: how many of them are in each bin of `LENGTHS`.
        different: where systems differ most from the first.
        samples: test sets that the bootstrap drew.
    """

    systems: list[System]
    signature: str
    sentences: int
    in_bins: list[int]
    different: list[Different]
    samples: int

    def as_json(self) -> dict[str, Any]:
        """For a script."""
        return {**asdict(self), "bins": [list(one) for one in LENGTHS]}


def compare(
    runs: Mapping[str, Sequence[Run]], reference: Path | None, setting: bleu.Setting, samples: int, measure: Measure
) -> Comparison:
    """Compare systems.

    Args:
        runs: system → seeds; the first is what others are held against.
        reference: a file for all; None for the references in each output.
        setting: the protocol.
        samples: test sets that the bootstrap draws.
        measure: of a checkpoint.

    Raises:
        DataError: the runs are of different test data, or a file cannot be read.
    """
    references, texts = _texts(runs, reference, setting)
    middles: dict[str, Sequence[str]] = {}
    scores = {name: [bleu.score(one, references, setting) for one in each] for name, each in texts.items()}
    for name, one in scores.items():
        order = sorted(range(len(one)), key=lambda seed: scores[name][seed].score)
        middles[name] = texts[name][order[(len(order) - 1) // 2]]
    bins = [_bin(line) for line in references]
    first = next(iter(runs))
    against = next((name for name in runs if name != first), first)
    base = significance.compare(middles[against], middles[first], references, setting, samples)
    systems = []
    for name, seeds in runs.items():
        own = [found.score for found in scores[name]]
        single = significance.compare(middles[name], middles[first], references, setting, samples)
        interval = base.baseline_interval if name == first else single.interval
        systems.append(System(
            name, [str(run.path) for run in seeds], own, statistics.fmean(own),
            statistics.stdev(own) if len(own) > 1 else None, interval,
            **_tested(texts[name], texts[first], single, references, setting, samples, name == first),
            decoding=_one_decoding(seeds), **_measured(seeds, measure),
            by_length=_by_length(texts[name], references, bins, setting),
        ))  # fmt: skip
    different = [one for name in middles if name != first for one in _different(name, middles, first, references)]
    in_bins = [bins.count(number) for number in range(len(LENGTHS))]
    return Comparison(systems, scores[first][0].signature, len(references), in_bins, different, samples)


def _tested(
    system: Sequence[Sequence[str]], baseline: Sequence[Sequence[str]], single: significance.Comparison,
    references: Sequence[str], setting: bleu.Setting, samples: int, alone: bool,
) -> dict[str, Any]:
    """The difference from the first system and what the tests say of it."""
    if alone:
        return dict.fromkeys(("difference", "p_value", "verdict", "p_sentences", "p_seeds"))
    if len(system) == len(baseline) == 1:
        return {
            "difference": single.score - single.baseline, "p_value": single.two_sided, "verdict": single.verdict,
            "p_sentences": None, "p_seeds": None,
        }  # fmt: skip
    ours, theirs = ([significance.counts(one, references, setting) for one in side] for side in (system, baseline))
    found = groups.compare(ours, theirs, significance.score_of_counts(setting), samples)
    return {
        "difference": found.difference, "p_value": found.p_value, "verdict": found.verdict,
        "p_sentences": found.by_sentences, "p_seeds": found.by_seeds,
    }  # fmt: skip


def _texts(
    runs: Mapping[str, Sequence[Run]], reference: Path | None, setting: bleu.Setting
) -> tuple[Sequence[str], dict[str, list[Sequence[str]]]]:
    """The references, and the hypotheses of each seed, in the form in which they are scored."""
    from aat_plugin.corpora.files import read_lines
    from aat_plugin.translation.bleu_tokens import detokenized
    from aat_plugin.translation.generated import is_generated, read_generated

    references: Sequence[str] | None = None if reference is None else read_lines(reference)
    from_name = str(reference)
    texts: dict[str, list[Sequence[str]]] = {}
    for name, seeds in runs.items():
        for run in seeds:
            beside: Sequence[str] | None = None
            lines: Sequence[str] = run.lines
            if is_generated(lines):
                found = read_generated(lines, str(run.path))
                # With --tokenized both sides are counted as they are; else words are joined to text on both.
                beside = found.references
                lines = found.hypotheses if setting.tokenized else _plain(found.texts, found.hypotheses, setting)
                if beside is not None and not setting.tokenized:
                    beside = detokenized(beside, setting.language)
            if reference is None:
                if beside is None:
                    raise DataError(f"{run.path} holds no references (T- lines); give them with --ref")
                if references is None:
                    references, from_name = beside, str(run.path)
                check_same_test(references, beside, (from_name, str(run.path)))
            elif references is not None and len(lines) != len(references):
                raise DataError(
                    f"{run.path} has {len(lines)} sentences and {reference} {len(references)}: "
                    "these are different test sets, and figures on them cannot be compared"
                )
            elif references is not None and beside is not None:
                check_same_sentences(references, beside, (from_name, str(run.path)))
            texts.setdefault(name, []).append(lines)
    assert references is not None
    return references, texts


def _plain(texts: Sequence[str] | None, words: Sequence[str], setting: bleu.Setting) -> Sequence[str]:
    from aat_plugin.translation.bleu_tokens import detokenized

    return texts if texts is not None else detokenized(words, setting.language)


def _one_decoding(seeds: Sequence[Run]) -> str:
    """How all seeds were decoded; each way where they differ."""
    return " | ".join(dict.fromkeys(run.decoding or "not said" for run in seeds))


def _measured(seeds: Sequence[Run], measure: Measure) -> dict[str, Any]:
    """What the logs and checkpoints of a system say."""
    logged = [_logged(run) for run in seeds if run.log]
    found: dict[str, Any] = {name: _mean([one[name] for one in logged]) for name in
                             ("nll", "tokens_per_second", "updates", "tokens")}  # fmt: skip
    peaks = [one["peak_gb"] for one in logged if one["peak_gb"] is not None]
    tokens, updates = found.pop("tokens"), found.pop("updates")
    checkpoint = next((run.checkpoint for run in seeds if run.checkpoint is not None), None)
    parameters, each = (None, None) if checkpoint is None else measure(checkpoint)
    return {
        **found, "perplexity": None if found["nll"] is None else 2 ** found["nll"], "parameters": parameters,
        "peak_gb": max(peaks) if peaks else None, "flops_per_token": each,
        "flops": None if each is None or tokens is None else each * tokens,
        "updates": None if updates is None else round(updates), "curve": _mean_curve([one["curve"] for one in logged]),
    }  # fmt: skip


def _logged(run: Run) -> dict[str, Any]:
    """What one seed's training log says."""
    part = next((record.part for record in run.log if record.part != "train"), "valid")
    losses, trained = curve(run.log, part, "nll_loss"), tokens_trained(run.log)
    speeds = [value for _, value in curve(run.log, "train", "wps")]
    peaks = [value for _, value in curve(run.log, "train", "peak_gb")]
    free = [value for _, value in curve(run.log, "train", "gb_free")]
    if run.gpu_gb is not None and free:
        peaks = [run.gpu_gb - min(free)]
    return {
        "nll": losses[-1][1] if losses else None, "updates": losses[-1][0] if losses else None,
        "tokens_per_second": statistics.median(speeds) if speeds else None,
        "peak_gb": max(peaks) if peaks else None, "tokens": trained[-1][1] if trained else None, "curve": losses,
    }  # fmt: skip


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _mean_curve(curves: Sequence[list[tuple[int, float]]]) -> list[tuple[int, float]]:
    """(update, perplexity) of the seeds' mean nll, at the updates that all of them validated."""
    points = [dict(one) for one in curves if one]
    shared = sorted(set.intersection(*map(set, points))) if points else []
    return [(update, 2 ** statistics.fmean(one[update] for one in points)) for update in shared]


def _bin(reference: str) -> int:
    """The place in `LENGTHS` of a reference."""
    words = max(len(reference.split()), 1)
    return next(number for number, (_, high) in enumerate(LENGTHS) if high is None or words <= high)


def _by_length(
    seeds: Sequence[Sequence[str]], references: Sequence[str], bins: Sequence[int], setting: bleu.Setting
) -> list[float | None]:
    found: list[float | None] = []
    for number in range(len(LENGTHS)):
        chosen = [place for place, one in enumerate(bins) if one == number]
        gold = [references[place] for place in chosen]
        scores = [bleu.score([one[place] for place in chosen], gold, setting).score for one in seeds] if chosen else []
        found.append(_mean(scores))
    return found


def _different(
    name: str, middles: Mapping[str, Sequence[str]], first: str, references: Sequence[str]
) -> list[Different]:
    """Where a system loses most against the first, and where it gains most."""
    metric = CHRF()
    gains = []
    for place, reference in enumerate(references):
        pair = middles[first][place], middles[name][place]
        if pair[0] == pair[1]:
            continue
        scores = [float(metric.sentence_score(one, [reference]).score) for one in pair]
        gains.append(Different(place + 1, name, scores[1] - scores[0], reference, *pair))
    gains.sort(key=lambda one: one.gain)
    lost = [one for one in gains[:SHOWN] if one.gain < 0]
    won = [one for one in gains[::-1][:SHOWN] if one.gain > 0]
    return lost + won
