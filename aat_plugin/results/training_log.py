"""Curves out of fairseq's log, in its `simple` and its `json` format: what was trained, and what validation said.

Read `charts` next, which draws them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PAIR = re.compile(r"([a-z_0-9]+)=([-+.0-9a-zA-Z]+)")
_GPU = re.compile(r"total memory = ([\d.]+) GB ; name = ")
_SIMPLE_VALIDATION = re.compile(r"\| valid on '(\w+)' subset \| (.*)")


@dataclass(frozen=True)
class Record:
    """One line of the log.

    Attributes:
        part: "train" (an interval within an epoch) or the name of the validated subset.
        update: updates done, or None where the line does not say.
        values: name → number, units as fairseq prints them (loss and nll_loss in bits a token).
    """

    part: str
    update: int | None
    values: dict[str, float]


def records(lines: Iterable[str]) -> Iterator[Record]:
    """The records of a log, in its order; other lines are passed over."""
    for line in lines:
        found = _json_record(line) if "{" in line else _simple_record(line)
        if found is not None:
            yield found


def curve(found: Iterable[Record], part: str, name: str) -> list[tuple[int, float]]:
    """(update, value) of one number of one part, in order; a run that went on after a stop replaces what it repeats."""
    points = {
        record.update: record.values[name]
        for record in found
        if record.part == part and record.update is not None and name in record.values
    }
    return sorted(points.items())


def gpu_gigabytes(lines: Iterable[str]) -> float | None:
    """The memory of the (first) GPU, as fairseq's trainer says it when a run begins; None on a processor."""
    return next((float(found[1]) for line in lines if (found := _GPU.search(line))), None)


def tokens_trained(found: Iterable[Record]) -> list[tuple[int, float]]:
    """(update, target tokens so far), where the log says how many an update of each interval had (wpb)."""
    points, before, tokens = [], 0, 0.0
    for update, mean in curve(found, "train", "wpb"):
        tokens += (update - before) * mean
        before = update
        points.append((update, tokens))
    return points


def over(points: Iterable[tuple[int, float]], effort: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """A curve over updates as one over what the updates took; points before the first known effort are left out.

    Args:
        points: (update, value).
        effort: (update, effort), in order, such as of `tokens_trained` or of the number `wall` (seconds). Between two
            of its updates effort grows evenly; behind the last it is the last's.
    """
    drawn = []
    for update, value in points:
        known = [pair for pair in effort if pair[0] <= update]
        if not known:
            continue
        (start, low), later = known[-1], next((pair for pair in effort if pair[0] > update), None)
        share = 0.0 if later is None else (update - start) / (later[0] - start)
        drawn.append((low + share * (later[1] - low if later else 0.0), value))
    return drawn


def _simple_record(line: str) -> Record | None:
    validation = _SIMPLE_VALIDATION.search(line)
    if validation is not None:
        fields = (field.strip().partition(" ") for field in validation.group(2).split("|"))
        return _record(validation.group(1), {name: value for name, _, value in fields})
    if "| train_inner |" in line or "[train_inner]" in line:
        return _record("train", dict(_PAIR.findall(line)))
    return None


def _json_record(line: str) -> Record | None:
    start = line.index("{")
    part = next((name for name in ("train_inner", "valid") if f"| {name} |" in line or f"[{name}]" in line), None)
    if part is None:
        return None
    fields = json.loads(line[start:])
    subset = next((name.removesuffix("_num_updates") for name in fields if name.endswith("_num_updates")), None)
    if part == "valid" and subset is not None:
        fields = {name.removeprefix(f"{subset}_"): value for name, value in fields.items()}
    return _record("train" if part == "train_inner" else subset or "valid", fields)


def _record(part: str, fields: dict[str, str]) -> Record:
    values = {name: number for name, value in fields.items() if (number := _number(value)) is not None}
    update = values.pop("num_updates", None)
    return Record(part, None if update is None else int(update), values)


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None  # a word, such as the name of a subset
