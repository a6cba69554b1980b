"""Systems side by side on one test set: BLEU with intervals and paired bootstrap, and what else their runs say.

The first system is what the others are held against. Figures of several seeds are mean ± standard deviation; the
paired bootstrap then takes each system's seed in the middle. Losses are compared as nll and perplexity, never smoothed.
Read `runs` for what is read, `comparison_page` for the page.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from aat_plugin.errors import DataError
from aat_plugin.results.runs import Run, check_same_test
from aat_plugin.results.training_log import curve
from aat_plugin.translation import bleu, significance
from aat_plugin.translation.generated import is_generated, read_generated

LENGTHS = ((1, 10), (11, 20), (21, 30), (31, 40), (41, 50), (51, None))
"""Bins of the reference's length in words between blanks, for quality by length."""
SHOWN = 5
"""Sentences of each direction that are shown where two systems differ most."""


@dataclass(frozen=True)
class System:
    """One system's figures.

    Attributes:
        name: as the user gave it.
        files: its translations, a seed each.
        scores: BLEU of each seed.
        mean, deviation: of these; the deviation is None for one seed.
        interval: half the width of BLEU's 95 % interval over drawn test sets, of the seed in the middle.
        difference, p_value, verdict: from the first system, by the paired bootstrap, p of either side; None for the
            first itself.
        decoding: how it was decoded, as far as its output says.
        nll: bits a token in the last validation, without smoothing; None where no log was given.
        perplexity: 2^nll.
        parameters: trained numbers of its checkpoint; None where there is none.
        tokens_per_second: the median over its training log, in target tokens.
        least_gb_free: of the GPU's memory, where the log says it.
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
    decoding: str
    nll: float | None
    perplexity: float | None
    parameters: int | None
    tokens_per_second: float | None
    least_gb_free: float | None
    by_length: list[float | None]
    curve: list[tuple[int, float]]


@dataclass(frozen=True)
class Different:
    """A sentence on which a system and the first one differ.

    Attributes:
        number: from 1.
        system: the other system's name.
        gain: its chrF less the first's.
        reference, first, other: the texts.
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
    runs: Mapping[str, Sequence[Run]],
    reference: Path | None,
    setting: bleu.Setting,
    samples: int,
    count: Callable[[Path], int],
) -> Comparison:
    """Compare systems.

    Args:
        runs: system → seeds; the first is what others are held against.
        reference: a file for all; None for the references in each output.
        setting: the protocol.
        samples: test sets that the bootstrap draws.
        count: parameters of a checkpoint.

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
        test = significance.compare(middles[name], middles[first], references, setting, samples)
        own = [found.score for found in scores[name]]
        alone = name == first
        systems.append(System(
            name, [str(run.path) for run in seeds], own, statistics.fmean(own),
            statistics.stdev(own) if len(own) > 1 else None, base.baseline_interval if alone else test.interval,
            None if alone else test.score - test.baseline, None if alone else test.two_sided,
            None if alone else test.verdict, _one_decoding(seeds), **_logged(seeds),
            parameters=next((count(run.checkpoint) for run in seeds if run.checkpoint is not None), None),
            by_length=_by_length(middles[name], references, bins, setting),
        ))  # fmt: skip
    different = [one for name in middles if name != first for one in _different(name, middles, first, references)]
    in_bins = [bins.count(number) for number in range(len(LENGTHS))]
    return Comparison(systems, scores[first][0].signature, len(references), in_bins, different, samples)


def _texts(
    runs: Mapping[str, Sequence[Run]], reference: Path | None, setting: bleu.Setting
) -> tuple[Sequence[str], dict[str, list[Sequence[str]]]]:
    """The references, and the hypotheses of each seed, in the form in which they are scored."""
    from aat_plugin.corpora.files import read_lines
    from aat_plugin.translation.bleu_tokens import detokenized

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
            texts.setdefault(name, []).append(lines)
    assert references is not None
    return references, texts


def _plain(texts: Sequence[str] | None, words: Sequence[str], setting: bleu.Setting) -> Sequence[str]:
    from aat_plugin.translation.bleu_tokens import detokenized

    return texts if texts is not None else detokenized(words, setting.language)


def _one_decoding(seeds: Sequence[Run]) -> str:
    """How all seeds were decoded; each way where they differ."""
    return " | ".join(dict.fromkeys(run.decoding or "not said" for run in seeds))


def _logged(seeds: Sequence[Run]) -> dict[str, Any]:
    """What the first seed's training log says."""
    log = next((run.log for run in seeds if run.log), ())
    part = next((record.part for record in log if record.part != "train"), "valid")
    losses, perplexities = curve(log, part, "nll_loss"), curve(log, part, "ppl")
    speeds = [value for _, value in curve(log, "train", "wps")]
    memory = [value for _, value in curve(log, "train", "gb_free")]
    return {
        "nll": losses[-1][1] if losses else None,
        "perplexity": 2 ** losses[-1][1] if losses else None,
        "tokens_per_second": statistics.median(speeds) if speeds else None,
        "least_gb_free": min(memory) if memory else None,
        "curve": perplexities,
    }


def _bin(reference: str) -> int:
    """The place in `LENGTHS` of a reference."""
    words = max(len(reference.split()), 1)
    return next(number for number, (_, high) in enumerate(LENGTHS) if high is None or words <= high)


def _by_length(
    hypotheses: Sequence[str], references: Sequence[str], bins: Sequence[int], setting: bleu.Setting
) -> list[float | None]:
    found: list[float | None] = []
    for number in range(len(LENGTHS)):
        chosen = [place for place, one in enumerate(bins) if one == number]
        ours, gold = ([side[place] for place in chosen] for side in (hypotheses, references))
        found.append(bleu.score(ours, gold, setting).score if chosen else None)
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


COLUMNS = ("system", "BLEU", "difference", "p", "nll", "perplexity", "parameters", "tokens/s")


def table(systems: Sequence[System]) -> tuple[list[str], list[list[str]]]:
    """The columns in which anything was measured, and a row for each system."""
    rows = [cells(system) for system in systems]
    filled = [number for number in range(len(COLUMNS)) if any(row[number] for row in rows)]
    return [COLUMNS[number] for number in filled], [[row[number] for number in filled] for row in rows]


def decodings(systems: Sequence[System]) -> list[str]:
    """How each system was decoded, in a sentence each; one for all where they were decoded alike."""
    if len({system.decoding for system in systems}) == 1:
        return [f"All were decoded with {systems[0].decoding}."]
    return [f"{system.name} was decoded with {system.decoding}." for system in systems]


def cells(system: System) -> tuple[str, ...]:
    """A system's row under `COLUMNS`; empty where nothing was measured."""

    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    spread = system.interval if system.deviation is None else system.deviation
    seeds = f" ({len(system.scores)} seeds)" if len(system.scores) > 1 else ""
    return (
        f"{system.name}{seeds}", f"{system.mean:.2f} ± {spread:.2f}", shown(system.difference, "+.2f"),
        shown(system.p_value, ".4f"), shown(system.nll, ".3f"), shown(system.perplexity, ".2f"),
        shown(system.parameters, ","), shown(system.tokens_per_second, ",.0f"),
    )  # fmt: skip
