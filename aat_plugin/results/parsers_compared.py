"""Parsers side by side on one treebank: F1 with intervals, the paired bootstrap, and stratified shuffling.

Trees of one name are seeds of one parser: mean ± standard deviation, and groups are tested as groups (`groups`). Read
`comparison` for translations, `parsing.significance` for the two tests of single runs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aat_plugin.errors import ConfigError
from aat_plugin.parsing.evalb import Sentence
from aat_plugin.parsing.evalb_files import read_gold, read_predictions, score
from aat_plugin.parsing.evalb_totals import add_up
from aat_plugin.parsing.prm import COLLINS
from aat_plugin.parsing.significance import compare, f1, shuffled
from aat_plugin.results import groups


@dataclass(frozen=True)
class Parser:
    """One parser's figures; F1 in percent.

    Attributes:
        name: as the user gave it.
        files: its trees, a seed each.
        scores: F1 of each seed over all sentences.
        f1, deviation: their mean and standard deviation; the latter None for one seed.
        interval: the middle 95 % over drawn test sets, of the seed in the middle.
        difference: in F1 from the first parser, and
        bootstrap, shuffling, seeds: p of it by each test; None for the first parser itself. Shuffling is of two single
            runs, and seeds of groups.
        sentences: that were scored.
    """

    name: str
    files: list[str]
    scores: list[float]
    f1: float
    deviation: float | None
    interval: tuple[float, float]
    difference: float | None
    bootstrap: float | None
    shuffling: float | None
    seeds: float | None
    sentences: int


COLUMNS = ("parser", "F1", "95 % of samples", "difference", "p, bootstrap", "p, shuffling", "p, seeds")


def compare_parsers(files: Mapping[str, Sequence[Path]], gold: Path, samples: int) -> list[Parser]:
    """Compare parsers; all are scored alike, with COLLINS' parameters, gold tags and missing parses counted as wrong.

    Args:
        files: name → trees of each seed, one a line; the first parser is what others are held against.
        gold: the gold trees.
        samples: drawn test sets; ten times as many shuffles.

    Raises:
        ConfigError: fewer than two files, or one of them twice under one name.
        DataError: a file cannot be read, or has other sentences than the gold trees.
    """
    if sum(map(len, files.values())) < 2:
        raise ConfigError("one parser is nothing to compare; name two or more")
    for name, paths in files.items():
        if len(set(paths)) < len(paths):
            raise ConfigError(f"a file is named twice as {name!r}; name each run once")
    trees = read_gold(gold)
    scored = {
        name: [score(trees, read_predictions(path, len(trees)), COLLINS, as_evalb=False)[0] for path in paths]
        for name, paths in files.items()
    }
    shared = set.intersection(*({one.number for one in seed} for seeds in scored.values() for seed in seeds))
    first = next(iter(files))
    return [_parser(name, files[name], seeds, scored[first], shared, samples, name == first)
            for name, seeds in scored.items()]  # fmt: skip


def _parser(
    name: str, files: Sequence[Path], seeds: Sequence[Sequence[Sentence]], first: Sequence[Sequence[Sentence]],
    shared: set[int], samples: int, alone: bool,
) -> Parser:
    ours, theirs = ([[one for one in seed if one.number in shared] for seed in side] for side in (seeds, first))
    scores = [add_up(seed, as_evalb=False).f1 for seed in seeds]
    middle = sorted(range(len(scores)), key=lambda seed: scores[seed])[(len(scores) - 1) // 2]
    test = compare(ours[middle], theirs[0], samples)
    difference = bootstrap = shuffling = by_seeds = None
    if not alone and len(ours) == len(theirs) == 1:
        difference, bootstrap = test.score - test.baseline, test.p_value
        shuffling = shuffled(ours[0], theirs[0], 10 * samples)
    elif not alone:
        group = groups.compare([_counts(one) for one in ours], [_counts(one) for one in theirs], f1, samples)
        difference, bootstrap, by_seeds = group.difference, group.by_sentences, group.by_seeds
    return Parser(
        name, [str(file) for file in files], scores, statistics.fmean(scores),
        statistics.stdev(scores) if len(scores) > 1 else None, test.interval, difference, bootstrap, shuffling,
        by_seeds, len(seeds[0]),
    )  # fmt: skip


def _counts(sentences: Sequence[Sentence]) -> groups.Counts:
    return np.array([(one.matched, one.gold, one.test) for one in sentences], dtype=np.int64)


def table(found: Sequence[Parser]) -> tuple[list[str], list[list[str]]]:
    """The columns in which anything was measured, and a row for each parser."""
    rows = [_cells(one) for one in found]
    kept = [number for number in range(len(COLUMNS)) if any(row[number] for row in rows)]
    return [COLUMNS[number] for number in kept], [[row[number] for number in kept] for row in rows]


def _cells(one: Parser) -> tuple[str, ...]:
    low, high = one.interval
    later = (one.difference, "+.2f"), (one.bootstrap, ".4f"), (one.shuffling, ".4f"), (one.seeds, ".4f")
    spread = "" if one.deviation is None else f" ± {one.deviation:.2f}"
    return (
        one.name if one.deviation is None else f"{one.name} ({len(one.scores)} seeds)", f"{one.f1:.2f}{spread}",
        f"{low:.2f} to {high:.2f}", *("" if value is None else format(value, form) for value, form in later),
    )  # fmt: skip
