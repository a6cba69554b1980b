"""Runs that are to be compared: what a user names, what lies in it, and whether it is of the same test data.

A run is fairseq-generate's output, a file of plain sentences, or a folder that holds one such output, and perhaps a
training log and a checkpoint. Runs of one name are seeds of one system. Read `comparison` next.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.results.training_log import Record, gpu_gigabytes, records

_DECODED = re.compile(r"Generate (?P<split>\S+) with beam=(?P<beam>\d+)")
_NAMES = "beam|lenpen|max_len_a|max_len_b|sampling|no_repeat_ngram_size"
_OPTION = re.compile(rf"'(?P<name>{_NAMES})': (?P<value>[^,}}]+)")
_TASK = re.compile(r"'task': \{'_name': '(?P<name>\w+)'")
OUTPUTS = (".out", ".log", ".txt", ".hyp")
"""Suffixes under which a folder's translations are looked for."""


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        name: of the system; runs of one name are its seeds.
        path: the translations.
        lines: what is in that file.
        decoding: how it was decoded, in words, as far as the output says.
        log: records of the training log; empty where there is none.
        checkpoint: where parameters are counted; None where there is none.
        gpu_gb: memory of the GPU that it was trained on; None where the log names none.
    """

    name: str
    path: Path
    lines: tuple[str, ...]
    decoding: str
    log: tuple[Record, ...] = field(default=(), repr=False)
    checkpoint: Path | None = None
    gpu_gb: float | None = None


def read_runs(words: Sequence[str]) -> dict[str, list[Run]]:
    """The runs that `[NAME=]PATH` words name, by system, in the order in which systems were named first.

    Raises:
        ConfigError: fewer than two runs, or two of one name that are the same file.
        DataError: a path is missing, or a folder holds no translations or more than one.
    """
    found: dict[str, list[Run]] = defaultdict(list)
    for word in words:
        run = read_run(word)
        if any(run.path == other.path for other in found[run.name]):
            raise ConfigError(f"{run.path} is named twice as {run.name!r}; name each run once")
        found[run.name].append(run)
    if sum(map(len, found.values())) < 2:
        raise ConfigError("one run is nothing to compare; name two or more")
    return dict(found)


def read_run(word: str) -> Run:
    """One `[NAME=]PATH`.

    Raises:
        DataError: as `read_runs`.
    """
    name, path = named(word)
    if not path.is_dir():
        lines = _read(path)
        return Run(name, path, lines, decoding(lines))
    texts = {file: _read(file) for file in sorted(path.rglob("*")) if file.suffix in OUTPUTS and file.is_file()}
    outputs = {file: lines for file, lines in texts.items() if any(line.startswith("H-") for line in lines)}
    if len(outputs) != 1:
        there = ", ".join(str(file) for file in outputs) or "none"
        raise DataError(f"{path} must hold one output of fairseq-generate ({there} found); name the file: {name}=FILE")
    [(output, lines)] = outputs.items()
    log = tuple(record for file, text in texts.items() if file != output for record in records(text))
    gpu = next((found for text in texts.values() if (found := gpu_gigabytes(text)) is not None), None)
    return Run(name, output, lines, decoding(lines), log, _checkpoint(path), gpu)


def named(word: str) -> tuple[str, Path]:
    """The name and the path of one `[NAME=]PATH`; a path without a name bears the file's or folder's.

    Raises:
        DataError: the path is missing.
    """
    name, equals, rest = ("", "", word) if Path(word).exists() else word.partition("=")
    path = Path(rest if equals else word)
    if not path.exists():
        raise DataError(f"{path} does not exist; give fairseq-generate's output, plain sentences, or a run's folder")
    return name or (path.name if path.is_dir() else path.stem), path


def decoding(lines: Sequence[str]) -> str:
    """How fairseq-generate's output says that it decoded, such as `beam 4, lenpen 0.6`; empty where it does not."""
    said: dict[str, str] = {}
    for line in lines:
        if line.startswith(("S-", "T-", "H-", "D-", "P-")):
            continue
        if "'beam':" in line:
            said |= {match["name"]: match["value"] for match in _OPTION.finditer(line)}
            task = _TASK.search(line)
            if task:
                said["search"] = {"translation": "stock", "aat_translation": "ours"}.get(task["name"], task["name"])
        decoded = _DECODED.search(line)
        if decoded:
            said.setdefault("beam", decoded["beam"])
    shown: list[str] = [name for name in ("beam", "lenpen", "max_len_a", "max_len_b", "search") if name in said]
    shown += [name for name in ("sampling", "no_repeat_ngram_size") if said.get(name) not in (None, "False", "0")]
    return ", ".join(f"{name} {said[name]}" for name in shown)


def check_same_test(one: Sequence[str], other: Sequence[str], names: tuple[str, str]) -> None:
    """Refuse to compare systems on different test data.

    Args:
        one, other: references of two runs.
        names: of the runs.

    Raises:
        DataError: names the difference.
    """
    if len(one) != len(other):
        raise DataError(
            f"{names[0]} was tested on {len(one)} sentences and {names[1]} on {len(other)}: these are different test "
            "sets, and figures on them cannot be compared"
        )
    differ = [number for number, pair in enumerate(zip(one, other, strict=True), start=1) if pair[0] != pair[1]]
    if differ:
        raise DataError(
            f"{names[0]} and {names[1]} have different references in {len(differ)} of {len(one)} sentences, first in "
            f"number {differ[0]}: these are different test sets, or were prepared differently; give one --ref for all "
            "if only the preparation differs"
        )


def check_same_sentences(references: Sequence[str], said: Sequence[str], names: tuple[str, str]) -> None:
    """Refuse references that are of other sentences than the T- lines of an output, however either was prepared.

    Args:
        references: a sentence a line, as many as
        said: the output's own references.
        names: of the file and the output.

    Raises:
        DataError: more than half of the sentences have other letters and digits.
    """
    differ = [number for number, (one, other) in enumerate(zip(references, said, strict=True), start=1)
              if _letters(one) != _letters(other)]  # fmt: skip
    if 2 * len(differ) > len(said):
        raise DataError(
            f"{names[1]} was tested on other sentences than {names[0]} holds: {len(differ)} of {len(said)} references "
            f"differ, first number {differ[0]}; give the references of its own test set"
        )


def _letters(line: str) -> str:
    """What tokenising, escaping and casing leave as it is."""
    return "".join(filter(str.isalnum, re.sub(r"&#?\w+;", "", line).casefold()))


def _read(path: Path) -> tuple[str, ...]:
    from aat_plugin.corpora.files import read_lines

    return tuple(read_lines(path))


def _checkpoint(folder: Path) -> Path | None:
    """A folder's averaged checkpoint, else its best or last."""
    for name in ("averaged.pt", "checkpoint_best.pt", "checkpoint_last.pt"):
        found = sorted(folder.rglob(name))
        if found:
            return found[0]
    return None
