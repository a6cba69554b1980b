"""Stages that are done once: what each read, by which options, what it made, in `manifest.json`.

A stage whose inputs, options and outputs are what the manifest says is not done again. Its record is taken out before
it starts and put back when its outputs are complete, so after kill -9 the next call does it, and what depends on it,
over (or goes on in it: `streams`). Files are compared by SHA-256; one whose size and time of change are as recorded is
not read for it. Read `pairs` next, which strings stages together.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aat_plugin.corpora.files import UNFINISHED, write_text
from aat_plugin.corpora.manifest import FORMAT, MANIFEST, State, checksums, file_state, read_manifest, versions
from aat_plugin.corpora.parallel import Workers
from aat_plugin.corpora.streams import Run
from aat_plugin.errors import DataError

__all__ = ["FORMAT", "MANIFEST", "Counts", "Pipeline", "Say", "Stage", "read_manifest"]

RECIPE = 1
"""Raised when a stage comes to make other bytes of the same inputs: what an older version made is then made anew."""

JOURNAL = ".journal.json"
Say = Callable[[str], None]
Counts = Mapping[str, int | float]


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: in the manifest and on the screen.
        inputs: files that it reads.
        outputs: files that it makes, whole or not at all, below the pipeline's folder.
        options: what else decides the outputs; the version of the library that does the work, say.
        work: does it, and says what there is to count.
    """

    name: str
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    options: Mapping[str, Any]
    work: Callable[[Run], Counts]


class Pipeline:
    """Runs stages over one folder and keeps its manifest; a context manager that holds the folder for itself.

    Args:
        folder: made where it is missing.
        about: what the whole is, for the manifest: kind, languages, options.
        say: shows a line to the user.
        workers: processes.

    Attributes:
        seen: address → SHA-256 of what was fetched, kept in the manifest.

    Raises:
        DataError: the folder cannot be made or is in use, or its manifest is none.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], say: Say, workers: int) -> None:
        self.folder, self.say, self.about = folder, say, about
        self.workers = Workers(workers)
        self.manifest: dict[str, Any] = {}
        self.seen: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder, os.O_RDONLY)
        except OSError as error:
            raise DataError(f"cannot make the folder {self.folder}: {error.strerror}; choose another with -o") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            earlier = self._recorded()
        except BlockingIOError:
            os.close(self._lock)
            raise DataError(f"another aat prepare is at work in {self.folder}; wait for it, or choose -o") from None
        except BaseException:
            os.close(self._lock)
            raise
        self.seen = earlier["seen"]
        self.manifest = {"format": FORMAT, **self.about, "versions": versions(), **earlier}
        return self

    def _recorded(self) -> dict[str, Any]:
        """The stages of earlier calls, and what they fetched: address → SHA-256."""
        if not (self.folder / MANIFEST).exists():
            return {"seen": {}, "stages": {}}
        found = read_manifest(self.folder)
        if found.get("kind") != self.about["kind"]:
            raise DataError(f"{self.folder} holds data of the kind {found.get('kind')!r}; choose another with -o")
        stages = {name: record for name, record in found["stages"].items() if isinstance(record, dict)}
        seen = found.get("seen")
        return {"seen": dict(seen) if isinstance(seen, dict) else {}, "stages": stages}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.workers.__exit__(kind, error, trace)
        if kind is None:
            for left in self.folder.rglob(f".*{UNFINISHED}"):  # by a killed run, and not taken up
                left.unlink(missing_ok=True)
        os.close(self._lock)

    def run(self, stage: Stage) -> bool:
        """Do a stage unless it is done.

        Returns:
            Whether it was done now.
        """
        records = self.manifest["stages"]
        known = records.get(stage.name, {})
        inputs = self._states(stage.inputs, known.get("inputs"))
        if self._is_done(stage, known, inputs):
            if known["inputs"] != inputs:  # touched, not changed
                known["inputs"] = inputs
                self._save()
            self.say(f"{stage.name}: up to date")
            return False
        if records.pop(stage.name, None) is not None:
            self._save()
        run = Run(self.workers, self.folder / JOURNAL, self._fingerprint(stage, inputs))
        for path in stage.outputs:
            path.parent.mkdir(exist_ok=True)
        started = time.monotonic()
        counts = dict(stage.work(run))
        seconds = run.earlier + time.monotonic() - started
        records[stage.name] = {
            "recipe": RECIPE, "options": dict(stage.options), "inputs": inputs,
            "outputs": self._states(stage.outputs), "counts": counts, "seconds": round(seconds, 2),
        }  # fmt: skip
        self._save()
        lines = counts.get("lines")
        rate = f", {lines / max(seconds, 1e-9):,.0f} lines/s" if lines else ""
        self.say(f"{stage.name}: {_in_words(counts)}{seconds:.1f} s{rate}")
        return True

    def keep_only(self, stages: Sequence[Stage]) -> None:
        """Remove what other stages made: of an earlier call with other languages or splits, say, which fairseq would
        find in the same folder.
        """
        wanted = {self._name(path) for stage in stages for path in stage.outputs}
        names = {stage.name for stage in stages}
        records = self.manifest["stages"]
        for name in [name for name in records if name not in names]:
            made = [str(one) for one, _ in checksums(records.pop(name).get("outputs"))]
            self._save()
            for path in map(self._below, made):
                if path is not None and self._name(path) not in wanted:
                    path.unlink(missing_ok=True)
            self.say(f"{name}: no longer asked for, removed")

    def _below(self, name: str) -> Path | None:
        """The file of that name, if it lies in the folder."""
        path = (self.folder / name).resolve()
        return path if path.is_relative_to(self.folder.resolve()) else None

    def _is_done(self, stage: Stage, known: Mapping[str, Any], inputs: Sequence[State]) -> bool:
        if known.get("recipe") != RECIPE or known.get("options") != json.loads(json.dumps(dict(stage.options))):
            return False
        if checksums(known.get("inputs")) != checksums(list(inputs)):
            return False
        if not all(path.is_file() for path in stage.outputs):
            return False
        return checksums(known.get("outputs")) == checksums(self._states(stage.outputs, known.get("outputs")))

    def _states(self, paths: Sequence[Path], known: object = ()) -> list[State]:
        recorded = known if isinstance(known, list) else ()
        return [file_state(path, self._name(path), recorded) for path in paths]

    def _name(self, path: Path) -> str:
        """Below the folder where it lies there, so that the folder can move; its own name elsewhere."""
        try:
            return str(path.resolve().relative_to(self.folder.resolve()))
        except ValueError:
            return path.name

    def _fingerprint(self, stage: Stage, inputs: Sequence[State]) -> str:
        what = [RECIPE, stage.name, dict(stage.options), checksums(list(inputs)), versions()]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def _save(self) -> None:
        write_text(self.folder / MANIFEST, json.dumps(self.manifest, indent=1, ensure_ascii=False) + "\n")


def _in_words(counts: Counts) -> str:
    return "".join(f"{value:,} {name.replace('_', ' ')}, " for name, value in counts.items())
