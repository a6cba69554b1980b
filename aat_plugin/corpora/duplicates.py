"""Leave out pairs that came before, in bounded memory: 64-bit fingerprints, of which a sixteenth is sorted at a time.

Two passes over the text, both parallel and resumable: the first writes a fingerprint a pair, the second copies the
pairs that are the first of their kind. In between, fingerprints are sorted in parts by their highest bits, so that
memory is about 1.5 bytes a pair (36 million pairs: some 60 MB). Different pairs of one fingerprint are taken for
equal: among 36 million that happens to one pair with a probability of 4e-5. Read `pairs` next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aat_plugin.corpora.blocks import Block
from aat_plugin.corpora.chain import Source
from aat_plugin.corpora.files import replacing_bytes, sha256
from aat_plugin.corpora.streams import Made, Run, transform

PARTS = 16
CHUNK = 1 << 20  # fingerprints read at a time


@dataclass(frozen=True)
class FingerprintBlock:
    """Work for `streams.transform`."""

    def __call__(self, block: Block) -> Made:
        """Eight bytes a pair, of both lines without blanks at their ends."""
        pairs = zip(block.texts(0), block.texts(1), strict=True)
        made = [blake2b(f"{one.strip()}\n{two.strip()}".encode(), digest_size=8).digest() for one, two in pairs]
        return Made((b"".join(made),), {})


@dataclass(frozen=True)
class KeepBlock:
    """Work for `streams.transform`.

    Attributes:
        marks: the file of `mark_repeated`.
        checksum: of its content, so that a process which remembers another one takes this one.
    """

    marks: Path
    checksum: str

    def __call__(self, block: Block) -> Made:
        """The pairs that did not come before, byte for byte; counts the others as `repeated`."""
        first = block.first - 1
        marks = _marks(self)[first // 8 : (first + block.lines + 7) // 8]
        repeated = np.unpackbits(marks)[first % 8 :][: block.lines]
        kept = [
            b"".join(line + b"\n" for line, again in zip(raw.split(b"\n"), repeated, strict=False) if not again)
            for raw in block.raw
        ]
        return Made(tuple(kept), {"repeated": int(repeated.sum())})


@lru_cache(maxsize=2)
def _marks(options: KeepBlock) -> NDArray[np.uint8]:
    return np.fromfile(options.marks, dtype=np.uint8)


def fingerprint(sources: tuple[Source, Source], target: Path, run: Run, title: str) -> dict[str, int]:
    """Write a fingerprint a pair."""
    return transform(sources, [target], FingerprintBlock(), run, title)


def mark_repeated(fingerprints: Path, marks: Path) -> dict[str, int]:
    """Write a bit a pair: 1 where the same pair came before.

    Returns:
        How many `lines` there are, and how many of them are `repeated`.
    """
    count = fingerprints.stat().st_size // 8
    repeated = np.zeros((count + 7) // 8, dtype=np.uint8)
    total = 0
    for part in range(PARTS):
        values, places = _of_part(fingerprints, part)
        order = np.argsort(values, kind="stable")  # equal ones stay in the corpus' order
        ordered = values[order]
        again = places[order[1:][ordered[1:] == ordered[:-1]]]
        np.bitwise_or.at(repeated, again // 8, (128 >> (again % 8)).astype(np.uint8))
        total += len(again)
    with replacing_bytes(marks) as file:
        file.write(repeated.tobytes())
    return {"lines": count, "repeated": total}


def _of_part(fingerprints: Path, part: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The fingerprints of one part, and which pairs' they are."""
    found, places = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    with fingerprints.open("rb") as file:
        start = 0
        while raw := file.read(CHUNK * 8):
            values = np.frombuffer(raw, dtype=">u8").astype(np.uint64)
            here = np.flatnonzero((values >> np.uint64(60)) == part)
            found.append(values[here])
            places.append(here + start)
            start += len(values)
    return np.concatenate(found), np.concatenate(places)


def keep_first(
    sources: tuple[Source, Source], marks: Path, targets: tuple[Path, Path], run: Run, title: str
) -> dict[str, int]:
    """Copy the pairs that are not marked.

    Returns:
        `lines` that were read, and how many were `repeated`.
    """
    return transform(sources, targets, KeepBlock(marks, sha256(marks)), run, title)

