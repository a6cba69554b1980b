"""What `aat score bleu` reads: plain files or fairseq-generate's output, brought to one form for the protocol.

Text (as people write it) and tokens (words and marks between blanks) are told apart here; `score_bleu` scores them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aat_plugin.errors import ConfigError, DataError


@dataclass(frozen=True)
class Side:
    """One file's sentences.

    Attributes:
        name: the file.
        lines: one sentence each.
        tokens: whether they are split into words already.
        kind: where they come from, in words.
    """

    name: str
    lines: Sequence[str]
    tokens: bool
    kind: str

    @property
    def empty(self) -> list[int]:
        """Numbers (from 1) of the sentences without a word."""
        return [number for number, line in enumerate(self.lines, start=1) if not line.strip()]

    def __str__(self) -> str:
        empty = f", {len(self.empty)} of them empty (the first is number {self.empty[0]})" if self.empty else ""
        return f"{self.name} ({self.kind}), {len(self.lines)} sentences{empty}"


def read_hypotheses(path: Path, tokenized: bool) -> tuple[Side, Side | None]:
    """A file of translations, and the references that fairseq-generate printed beside them.

    Raises:
        DataError: the file is missing, empty, not UTF-8, or a part of fairseq-generate's output.
    """
    from aat_plugin.translation.generated import is_generated, read_generated

    lines = _lines(path)
    if not is_generated(lines):
        return _plain(path, lines, tokenized), None
    found = read_generated(lines, str(path))
    joined = f", @@ joined in {found.joined}" if found.joined else ""
    side = Side(str(path), found.hypotheses, True, f"fairseq-generate's H- lines{joined}")
    if found.texts is not None and not tokenized:
        side = Side(str(path), found.texts, False, "fairseq-generate's D- lines")
    references = None
    if found.references is not None:
        references = Side(str(path), found.references, True, "fairseq-generate's T- lines")
    return side, references


def read_references(path: Path | None, beside: Side | None, tokenized: bool) -> Side:
    """The references: a file's, or those beside the hypotheses.

    Raises:
        ConfigError: there are none.
        DataError: the file is missing, empty, not UTF-8; a line has no word.
    """
    if path is None:
        if beside is None:
            raise ConfigError("give the references with --ref; only fairseq-generate's T- lines bring them along")
        side = beside
    else:
        plain, found = read_hypotheses(path, tokenized)
        side = found if found is not None else plain
    if side.empty:
        raise DataError(
            f"{side.name}: sentence {side.empty[0]} of the references has no word ({len(side.empty)} in all); "
            "mend it, or take the sentence out of every file"
        )
    return side


def check_same_length(hypotheses: Side, references: Side) -> None:
    """Raise DataError, with both counts and the first suspicious line, where the files do not pair up."""
    from aat_plugin.translation.pairing import first_shifted

    if len(hypotheses.lines) == len(references.lines):
        return
    longer, shorter = sorted((hypotheses, references), key=lambda side: -len(side.lines))
    line = first_shifted(longer.lines, shorter.lines)
    where = f"they pair up to sentence {len(shorter.lines)}, or share too few words to tell where they part"
    if line is not None:
        where = f"from sentence {line} of {longer.name} on they look shifted"
    counts = " and ".join(f"{side.name} has {len(side.lines)}" for side in (hypotheses, references))
    raise DataError(f"{counts} sentences; {where}: give one sentence a line, in the same order")


def in_one_form(sides: Sequence[Side], moses: bool, tokenized: bool, language: str) -> list[Side]:
    """All sides as tokens, or all as text.

    Tokens are scored as they are where the user says so (`tokenized`) or the protocol counts Moses' tokens (`moses`);
    else they are detokenised, and the protocol tokenises all sides in one way.
    """
    if all(side.tokens for side in sides) and (tokenized or moses):
        return list(sides)
    from aat_plugin.translation.bleu_tokens import detokenized

    return [
        replace(side, lines=detokenized(side.lines, language), tokens=False, kind=f"{side.kind}, detokenised")
        if side.tokens else side
        for side in sides
    ]


def language_of(path: Path | None) -> str:
    """The language that a reference's name ends with, such as `de` of test.de; German (Table 2's) where it has none."""
    suffix = path.suffix.removeprefix(".") if path is not None else ""
    return suffix if len(suffix) == 2 and suffix.isalpha() and suffix.islower() else "de"


def _lines(path: Path) -> list[str]:
    from aat_plugin.corpora.files import read_lines

    lines = read_lines(path)
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty; give a file with one sentence a line")
    return lines


def _plain(path: Path, lines: list[str], tokenized: bool) -> Side:
    marked = sum("@@ " in line or line.endswith("@@") for line in lines)
    marks = f", BPE's @@ in {marked} lines, scored as they are" if marked else ""
    return Side(str(path), lines, tokenized, f"{'tokens' if tokenized else 'text'}{marks}")
