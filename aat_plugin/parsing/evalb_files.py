"""Whole files scored: gold trees in any layout, predictions one a line or n-best, each pair through `evalb`.

N-best predictions are lines `number ||| tree ||| score`, numbers from 0, the best first. Read `evalb` first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from aat_plugin.errors import DataError
from aat_plugin.parsing.evalb import Sentence, compare, compare_as_evalb
from aat_plugin.parsing.prm import COLLINS, Parameters
from aat_plugin.parsing.spans import Spans, read_spans
from aat_plugin.parsing.tree_files import iterate_lines
from aat_plugin.parsing.trees import read_trees, to_line

_NBEST = re.compile(r"(\d+) \|\|\| (.*?)(?: \|\|\| .*)?$")


def read_gold(path: Path) -> list[Spans]:
    """Gold trees, one a line or spread over lines; a blank line is kept only where there is one tree a line.

    Raises:
        DataError: the file is missing, empty or broken.
    """
    lines = list(iterate_lines(path))
    if any(line.count("(") != line.count(")") for line in lines):
        lines = [to_line(tree) for tree in read_trees(lines, str(path))]
    spans = [read_spans(line, str(path), number) for number, line in enumerate(lines, start=1)]
    if not any(one.words for one in spans):
        raise DataError(f"{path}: no tree in it; give the gold trees, in brackets")
    return spans


def read_predictions(path: Path, count: int) -> list[list[Spans]]:
    """For each gold tree its predictions, best first; a blank line is a missing parse.

    Args:
        path: the file.
        count: how many gold trees there are.

    Raises:
        DataError: the file is missing or broken, or has another number of lines.
    """
    lines = list(iterate_lines(path))
    first = next((line for line in lines if line.strip()), "")
    if _NBEST.match(first):
        return _nbest(path, lines, count)
    if len(lines) != count:
        raise DataError(
            f"{path} has {len(lines)} lines for {count} gold trees; predictions are one tree a line, "
            "with a blank line for a missing one"
        )
    return [[read_spans(line, str(path), number)] for number, line in enumerate(lines, start=1)]


def _nbest(path: Path, lines: Sequence[str], count: int) -> list[list[Spans]]:
    found: list[list[Spans]] = [[] for _ in range(count)]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _NBEST.match(line)
        if match is None:
            raise DataError(f"{path}:{number}: not of the n-best form 'number ||| tree ||| score' that the file began")
        sentence = int(match[1])
        if sentence >= count:
            raise DataError(f"{path}:{number}: sentence {sentence}, and the {count} gold trees are numbered from 0")
        # Blanks in front keep the columns of messages right.
        found[sentence].append(read_spans(" " * match.start(2) + match[2], str(path), number))
    return [hypotheses or [read_spans("")] for hypotheses in found]


def score(
    gold: Sequence[Spans], predictions: Sequence[Sequence[Spans]], parameters: Parameters = COLLINS, *, as_evalb: bool
) -> tuple[list[Sentence], list[Sentence]]:
    """Compare every pair.

    Args:
        gold: from `read_gold`.
        predictions: as many, from `read_predictions`.
        parameters: EVALB's.
        as_evalb: whether to count as the C program does.

    Returns:
        The sentences of the best hypotheses, and those of each sentence's hypothesis with the highest F1 (the oracle's;
        the same where there is one hypothesis each). Without `as_evalb`, lines that are blank on both sides are left
        out.
    """
    compare_pair = compare_as_evalb if as_evalb else compare
    first, oracle = [], []
    for number, (ours, theirs) in enumerate(zip(gold, predictions, strict=True), start=1):
        if not as_evalb and not ours.words and not theirs[0].words:
            continue
        sentences = [compare_pair(ours, one, parameters) for one in theirs]
        for sentence in sentences:
            sentence.number = number
        first.append(sentences[0])
        # A hypothesis that could not be compared is never preferred.
        oracle.append(max(sentences, key=lambda sentence: (sentence.status == 0, sentence.f1)))
    return first, oracle
