"""Parsers side by side on one treebank: F1 with intervals, the paired bootstrap, and stratified shuffling.

Read `comparison` for translations, `parsing.significance` for the two tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aat_plugin.errors import ConfigError
from aat_plugin.parsing.evalb_files import read_gold, read_predictions, score
from aat_plugin.parsing.evalb_totals import add_up
from aat_plugin.parsing.prm import COLLINS
from aat_plugin.parsing.significance import compare, shuffled


@dataclass(frozen=True)
class Parser:
    """One parser's figures; F1 in percent.

    Attributes:
        name: as the user gave it.
        file: its trees.
        f1: over all sentences.
        interval: the middle 95 % over drawn test sets.
        difference: in F1 from the first parser, and
        bootstrap, shuffling: p of it by either test; None for the first parser itself.
        sentences: that were scored.
    """

    name: str
    file: str
    f1: float
    interval: tuple[float, float]
    difference: float | None
    bootstrap: float | None
    shuffling: float | None
    sentences: int


COLUMNS = ("parser", "F1", "95 % of samples", "difference", "p, bootstrap", "p, shuffling")


def compare_parsers(files: Mapping[str, Path], gold: Path, samples: int) -> list[Parser]:
    """Compare parsers; all are scored alike, with COLLINS' parameters, gold tags and missing parses counted as wrong.

    Args:
        files: name → trees, one a line; the first is what others are held against.
        gold: the gold trees.
        samples: drawn test sets; ten times as many shuffles.

    Raises:
        ConfigError: fewer than two parsers.
        DataError: a file cannot be read, or has other sentences than the gold trees.
    """
    if len(files) < 2:
        raise ConfigError("one parser is nothing to compare; name two or more, each with a name of its own")
    trees = read_gold(gold)
    scored = {
        name: score(trees, read_predictions(path, len(trees)), COLLINS, as_evalb=False)[0]
        for name, path in files.items()
    }
    first = next(iter(files))
    found = []
    for name, sentences in scored.items():
        shared = {one.number for one in sentences} & {one.number for one in scored[first]}
        ours, theirs = ([one for one in side if one.number in shared] for side in (sentences, scored[first]))
        test, alone = compare(ours, theirs, samples), name == first
        found.append(Parser(
            name, str(files[name]), add_up(sentences, as_evalb=False).f1, test.interval,
            None if alone else test.score - test.baseline, None if alone else test.p_value,
            None if alone else shuffled(ours, theirs, 10 * samples), len(sentences),
        ))  # fmt: skip
    return found


def cells(one: Parser) -> tuple[str, ...]:
    """A parser's row under `COLUMNS`."""
    low, high = one.interval
    later = (one.difference, "+.2f"), (one.bootstrap, ".4f"), (one.shuffling, ".4f")
    return (
        one.name, f"{one.f1:.2f}", f"{low:.2f} to {high:.2f}",
        *("" if value is None else format(value, form) for value, form in later),
    )  # fmt: skip
