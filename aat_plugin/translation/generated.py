"""Reading what fairseq-generate prints: the best hypothesis and the reference of each sentence, in the input's order.

It prints sentences in the order of its batches, as lines such as

    T-7   reference, in words                      (where the data has one)
    H-7   score   hypothesis, in words             (the n best, where --nbest asks for more)
    D-7   score   hypothesis as text               (undone by --bpe and --tokenizer, where they are given)

among lines of logging. `bleu` scores what comes out of here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aat_plugin.errors import DataError

SCORED = re.compile(r"(?P<kind>[HD])-(?P<index>[0-9]{1,12})\t(?P<score>[^\t]+)(?:\t(?P<words>.*))?", re.DOTALL)
REFERENCE = re.compile(r"T-(?P<index>[0-9]{1,12})(?:\t(?P<words>.*))?", re.DOTALL)
POSITIONS = re.compile(r"P-(?P<index>[0-9]{1,12})\t(?P<scores>.*)", re.DOTALL)
BPE_MARK = re.compile(r"@@( |$)")
WORD_MARK = "▁"  # before a word, in word-pieces


@dataclass(frozen=True)
class Generated:
    """The sentences of a run of fairseq-generate, in the input's order.

    Attributes:
        hypotheses: the best ones, in words; pieces (BPE's @@, word-pieces) are joined.
        texts: the same as the D- lines have them; None where these say nothing else, so where no --tokenizer was given.
        references: the T- lines, in words; None where there are none.
        joined: how many lines held pieces.
    """

    hypotheses: tuple[str, ...]
    texts: tuple[str, ...] | None
    references: tuple[str, ...] | None
    joined: int


def is_generated(lines: Sequence[str]) -> bool:
    """Whether these are lines of fairseq-generate and not plain sentences."""
    return any(_scored(line) is not None for line in lines if line.startswith("H-"))


def read_generated(lines: Sequence[str], name: str) -> Generated:
    """Take the sentences out of the lines.

    Args:
        lines: all of the output, without line ends.
        name: the file, for messages.

    Raises:
        DataError: there is no hypothesis, a sentence is missing, or one has two references.
    """
    best: dict[str, dict[int, tuple[float, str]]] = {"H": {}, "D": {}}
    references: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.startswith(("H-", "D-")) and (found := _scored(line)) is not None:
            kind, index, score, words = found
            # The first of equals: fairseq prints the n best in their order.
            if index not in best[kind] or score > best[kind][index][0]:
                best[kind][index] = score, words
        elif line.startswith("T-") and (match := REFERENCE.fullmatch(line)) is not None:
            index, words = int(match["index"]), match["words"] or ""
            if references.setdefault(index, words) != words:
                raise DataError(f"{name}:{number}: sentence {index} has another reference above; give one run's output")
    return _assemble(best, references, name)


def _assemble(
    best: Mapping[str, Mapping[int, tuple[float, str]]], references: Mapping[int, str], name: str
) -> Generated:
    """Bring the lines into the input's order, after a check that they are whole."""
    if not best["H"]:
        raise DataError(f"{name} has no H- lines, so no hypotheses of fairseq-generate")
    _check_whole(best["H"], "hypothesis (H- line)", name, max(best["H"]) + 1)
    count = len(best["H"])
    raw = [best["H"][index][1] for index in range(count)]
    hypotheses = tuple(join_bpe(words) for words in raw)
    texts = None
    if best["D"]:
        _check_whole(best["D"], "text (D- line)", name, count)
        printed = tuple(best["D"][index][1] for index in range(count))
        differ = any(join_bpe(text) != words for text, words in zip(printed, hypotheses, strict=True))
        texts = printed if differ else None
    joined = sum(words != line for words, line in zip(hypotheses, raw, strict=True))
    if not references:
        return Generated(hypotheses, texts, None, joined)
    _check_whole(references, "reference (T- line)", name, count)
    return Generated(hypotheses, texts, tuple(join_bpe(references[index]) for index in range(count)), joined)


def reference_bits(lines: Sequence[str], name: str) -> tuple[float, int, int]:
    """What fairseq-generate --score-reference found of the references.

    Args:
        lines: all of its output, without line ends.
        name: the file, for messages.

    Returns:
        The negative log-likelihood in bits, summed over the pieces (end symbols are some); the pieces; the sentences.

    Raises:
        DataError: there are no P- lines, one cannot be read, or the hypotheses are not the references.
    """
    found = read_generated(lines, name)
    if found.references is None:
        raise DataError(f"{name} has no T- lines, so it does not score references; run fairseq-generate on a data-bin")
    for index, (words, reference) in enumerate(zip(found.hypotheses, found.references, strict=True)):
        if len(words.split()) != len(reference.split()):
            raise DataError(
                f"{name}: hypothesis {index} is not its reference; run fairseq-generate with --score-reference"
            )
    total, pieces, seen = 0.0, 0, set()
    for number, line in enumerate(lines, start=1):
        match = POSITIONS.fullmatch(line)
        if match is None:
            continue
        if match["index"] in seen:
            raise DataError(f"{name}:{number}: sentence {match['index']} has two P- lines; give one run's output")
        seen.add(match["index"])
        scores = _numbers(match["scores"], name, number)
        total, pieces = total - sum(scores), pieces + len(scores)
    if len(seen) != len(found.hypotheses):
        raise DataError(f"{name} has {len(seen)} P- lines for {len(found.hypotheses)} sentences; give the whole output")
    return total, pieces, len(seen)


def join_bpe(line: str) -> str:
    """Undo BPE as `sed 's/@@ //g'` does, a mark at the line's end too: `ein Wohn@@ haus` → `ein Wohnhaus`.

    Word-pieces, known by the mark before the line's first word, are joined as well: `▁ein ▁Wohn haus`.
    """
    if line.startswith(WORD_MARK):
        return line.replace(" ", "").replace(WORD_MARK, " ").strip()
    return BPE_MARK.sub("", line)


def _scored(line: str) -> tuple[str, int, float, str] | None:
    """Kind, sentence, score and words of an H- or D- line; None for another line."""
    match = SCORED.fullmatch(line)
    if match is None:
        return None
    try:
        score = float(match["score"])
    except ValueError:
        return None
    return match["kind"], int(match["index"]), score, match["words"] or ""


def _check_whole(found: Mapping[int, object], what: str, name: str, count: int) -> None:
    """Raise DataError unless sentences 0 … count − 1 are there, and no others."""
    missing = next((index for index in range(min(count, len(found) + 1)) if index not in found), None)
    if missing is not None:
        raise DataError(
            f"{name}: sentence {missing} has no {what}; {len(found)} of {count} are there: give the whole output of "
            "one run (of every shard), and translate with --task aat_translation, which leaves no sentence out"
        )
    if len(found) > count:
        raise DataError(f"{name}: there are {len(found)} times a {what}, and {count} hypotheses; give one run's output")


def _numbers(text: str, name: str, number: int) -> list[float]:
    """The finite numbers of a P- line, at least one: the end symbol's."""
    try:
        scores = [float(word) for word in text.split()]
    except ValueError:
        scores = []
    if not scores or not all(math.isfinite(score) for score in scores):
        raise DataError(f"{name}:{number}: this P- line does not hold a score a piece; give the output as it was")
    return scores
