"""Make files out of files, block by block, in parallel, in order, and so that a killed run goes on where it was.

Outputs grow under other names; every few seconds a journal notes how far they and the inputs are. A run that finds the
journal of the same work cuts the outputs back to what it says and goes on from there; kill -9, a full disk or Ctrl-C
cost those few seconds. Read `stages` for what the same work is, `blocks` for what is read.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from aat_plugin.corpora.blocks import Block, read_blocks
from aat_plugin.corpora.chain import Source
from aat_plugin.corpora.files import UNFINISHED, cannot_write, write_text
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.progress import Progress

JOURNAL_SECONDS = 5.0


@dataclass(frozen=True)
class Made:
    """What became of a block: bytes for each output, and what there is to count."""

    outputs: tuple[bytes, ...]
    counts: Mapping[str, int]


Work = Callable[[Block], Made]


@dataclass
class Run:
    """What a stage has to work with.

    Attributes:
        workers: processes.
        journal: where to note how far it is.
        fingerprint: of the stage's inputs and options; a journal with another one is of other work.
        earlier: seconds that runs before this one spent on what is not done again.
    """

    workers: Workers
    journal: Path
    fingerprint: str
    earlier: float = 0.0


@dataclass
class Position:
    """How far the work is: the journal's content.

    Attributes:
        fingerprint: of the work.
        outputs: names of the files being made.
        lines: of the inputs that are done.
        offsets: bytes of each input (unpacked) that are done.
        lengths: bytes of each output.
        counts: what was counted.
        seconds: spent.
    """

    fingerprint: str
    outputs: list[str]
    lines: int
    offsets: list[int]
    lengths: list[int]
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def transform(inputs: Sequence[Source], outputs: Sequence[Path], work: Work, run: Run, title: str) -> dict[str, int]:
    """Make `outputs` out of `inputs`.

    Args:
        inputs: read side by side; of equally many lines.
        outputs: take their places when all are complete.
        work: see `Workers.in_order`; returns bytes for each output.
        run: see `Run`.
        title: for the bar.

    Returns:
        `lines`, and the sums of what `work` counted.

    Raises:
        DataError: an input cannot be read, or an output cannot be written.
    """
    unfinished = [path.with_name(f".{path.name}{UNFINISHED}") for path in outputs]
    position = _resumed(run, unfinished) or Position(
        run.fingerprint, [str(path) for path in unfinished], 0, [0] * len(inputs), [0] * len(outputs)
    )
    run.earlier = position.seconds
    with ExitStack() as stack:
        files = [stack.enter_context(_growing(path, position.lines > 0)) for path in unfinished]
        for file, length in zip(files, position.lengths, strict=True):
            file.truncate(length)
            file.seek(length)
        progress = stack.enter_context(Progress(title, done=position.lines))
        _write(inputs, files, work, run, position, progress)
    for path, final in zip(unfinished, outputs, strict=True):
        with cannot_write(final):
            path.replace(final)
    run.journal.unlink(missing_ok=True)
    return {"lines": position.lines, **position.counts}


def _write(
    inputs: Sequence[Source], files: Sequence[BinaryIO], work: Work, run: Run, position: Position, progress: Progress
) -> None:
    """Append what is missing, noting now and then how far it is."""
    started = noted = time.monotonic()
    counts = Counter(position.counts)
    blocks = read_blocks(inputs, position.lines, position.offsets)
    for done in run.workers.in_order(_Placed(work), blocks):
        for side, (file, part) in enumerate(zip(files, done.made.outputs, strict=True)):
            with cannot_write(Path(position.outputs[side])):
                file.write(part)
            position.lengths[side] += len(part)
        counts.update(done.made.counts)
        position.lines += done.lines
        position.offsets = list(done.ends)
        position.counts = dict(counts)
        progress.advance(done.lines)
        now = time.monotonic()
        if now - noted >= JOURNAL_SECONDS:
            noted = now
            position.seconds = run.earlier + now - started
            _flush(files, position)
            write_text(run.journal, json.dumps(asdict(position)))
    _flush(files, position)


def _flush(files: Sequence[BinaryIO], position: Position) -> None:
    for file, name in zip(files, position.outputs, strict=True):
        with cannot_write(Path(name)):
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True)
class _Done:
    made: Made
    lines: int
    ends: tuple[int, ...]


@dataclass(frozen=True)
class _Placed:
    """`work`, with where its block ended."""

    work: Work

    def __call__(self, block: Block) -> _Done:
        return _Done(self.work(block), block.lines, block.ends)


def _resumed(run: Run, unfinished: Sequence[Path]) -> Position | None:
    """How far an earlier run of the same work came; a journal of other work is removed."""
    try:
        position = Position(**json.loads(run.journal.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # none, or not one of ours
        return None
    same = (position.fingerprint, position.outputs) == (run.fingerprint, [str(path) for path in unfinished])
    if same and all(map(_holds, unfinished, position.lengths)):
        return position
    run.journal.unlink(missing_ok=True)
    return None


def _holds(path: Path, length: int) -> bool:
    return path.is_file() and path.stat().st_size >= length


@contextmanager
def _growing(path: Path, exists: bool) -> Iterator[BinaryIO]:
    with cannot_write(path):
        file = path.open("r+b" if exists else "wb")
    try:
        yield file
    finally:
        with cannot_write(path):  # what is buffered is written here
            file.close()
