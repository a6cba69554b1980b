"""Two aligned files before anything is made of them: equally long, no empty lines, and where they part if they do.

Read `pairs` next, which calls this as its first stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aat_plugin.corpora.blocks import Block, DifferentLengths, joined
from aat_plugin.corpora.files import iterate_lines
from aat_plugin.corpora.streams import Made, Run, transform
from aat_plugin.corpora.tokenise import CONTROL, clean
from aat_plugin.errors import DataError

Pair = tuple[Path, Path]

_CONTROL = re.compile(f"[{re.escape(''.join(map(chr, CONTROL)))}]")
STEPS = 16  # a log ratio of lengths is kept in sixteenths, in one byte a line
SMOOTHING = 8  # characters added to both lengths, so that short lines do not look suspicious


def check_pair(pair: Pair, empty: str, copies: Pair | None, run: Run, title: str) -> dict[str, int]:
    """Read two files side by side.

    Args:
        pair: the files.
        empty: `refuse`, `drop` (needs `copies`) or `keep` pairs with an empty side.
        copies: where to write the pairs that stay.
        run: processes and journal.
        title: for the bar.

    Returns:
        `lines`; `empty` pairs (`dropped`, where they were) and `lines_with_control_characters`, which the tokeniser
        takes for blanks, where there are any.

    Raises:
        DataError: the files differ in length, hold nothing, are not UTF-8, or have an empty line that may not stay.
    """
    try:
        counts = transform(pair, copies or (), CheckBlock(drops=copies is not None), run, title)
    except DifferentLengths:
        raise mismatched(pair) from None
    if not counts["lines"]:
        raise DataError(f"{pair[0]} and {pair[1]} are empty; check the paths")
    if counts["empty"] and empty == "refuse":
        raise _first_empty(pair, counts["empty"])
    if counts["empty"] and copies is not None:
        counts["dropped"] = counts.pop("empty")
    return {name: count for name, count in counts.items() if count or name == "lines"}


@dataclass(frozen=True)
class CheckBlock:
    """Work for `streams.transform`.

    Attributes:
        drops: write both sides without the pairs that have an empty one.
    """

    drops: bool

    def __call__(self, block: Block) -> Made:
        """The lines that stay; counts `empty` pairs and `lines_with_control_characters`."""
        sides = [block.texts(side) for side in range(len(block.raw))]
        stays = [all(map(_says_something, lines)) for lines in zip(*sides, strict=True)]
        counts = {
            "empty": len(stays) - sum(stays),
            "lines_with_control_characters": sum(map(_has_control, (line for lines in sides for line in lines))),
        }
        if not self.drops:
            return Made((), counts)
        kept = [joined([line for line, stay in zip(lines, stays, strict=True) if stay]) for lines in sides]
        return Made(tuple(kept), counts)


def _says_something(line: str) -> bool:
    return bool(clean(line).strip())


def _has_control(line: str) -> bool:
    return not line.isprintable() and _CONTROL.search(line) is not None


def _first_empty(pair: Pair, count: int) -> DataError:
    for number, lines in enumerate(zip(*map(iterate_lines, pair), strict=True), start=1):
        for path, line in zip(pair, lines, strict=True):
            if not _says_something(line):
                more = f" and {count - 1:,} more like it" if count > 1 else ""
                way_out = "mend it, or give --empty drop (leave them out) or keep"
                return DataError(f"{path}:{number}: an empty line{more}; {way_out}")
    raise AssertionError(f"{pair[0]} and {pair[1]}: the empty lines that were counted are not there")


def mismatched(pair: Pair) -> DataError:
    """Both counts, and the line from which on the lengths no longer fit each other."""
    counts = [0, 0]
    line = suspicious_line(np.frombuffer(bytes(_ratios(pair, counts)), dtype=np.int8))
    return DataError(
        f"{pair[0]} has {counts[0]:,} lines and {pair[1]} has {counts[1]:,}; "
        f"they seem to part near line {line:,}: compare them there"
    )


def _ratios(pair: Pair, counts: list[int]) -> Iterator[int]:
    """A byte a line, log(source length / target length) in sixteenths; adds up the files' lines in `counts`."""
    for both in zip_longest(*map(iterate_lines, pair)):
        for side, line in enumerate(both):
            counts[side] += line is not None
        if None not in both:
            source, target = (len(clean(line).strip()) + SMOOTHING for line in both)
            yield max(-127, min(127, round(STEPS * log(source / target)))) & 0xFF


def suspicious_line(ratios: NDArray[np.int8]) -> int:
    """The line after which the log ratio of lengths strays from its median the most: where a line is missing.

    Before it, the ratio is near the median; after it, lines face others' translations. The change point is where the
    running sum of (|deviation| - its mean) is least.

    Args:
        ratios: (lines,), in `STEPS` a nat.

    Returns:
        A line number, from 1.
    """
    if not len(ratios):
        return 1
    seen = np.bincount(ratios.astype(np.int16) + 128, minlength=256)
    usual = int(np.searchsorted(np.cumsum(seen), (len(ratios) + 1) // 2)) - 128
    strays = np.abs(ratios.astype(np.int16) - usual)
    mean = float(strays.mean())
    least, place, running = 0.0, 0, 0.0
    for start in range(0, len(strays), 1 << 20):
        sums = running + np.cumsum(strays[start : start + (1 << 20)] - mean)
        lowest = int(sums.argmin())
        if sums[lowest] < least:
            least, place = float(sums[lowest]), start + lowest + 1
        running = float(sums[-1])
    return place + 1
