"""Stages that are done once: what each read, by which options, what it made, in `manifest.json`.

A stage whose inputs, options and outputs are what the manifest says is not done again. Its record is taken out before
it starts and put back when its outputs are complete, so after kill -9 the next call does it, and what depends on it,
over. Files are compared by SHA-256; one whose size and time of change are as recorded is not read for it.
Read `pairs` next, which strings stages together.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import sha256, write_text
from aat_plugin.errors import DataError

MANIFEST = "manifest.json"
FORMAT = 1
PACKAGES = ("aat_plugin", "sacremoses", "subword-nmt", "ve-fairseq", "fairseq-fixed")
Say = Callable[[str], None]
Counts = Mapping[str, int | float]


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: in the manifest and on the screen.
        inputs: files that it reads.
        outputs: files that it makes, whole or not at all, below the pipeline's folder.
        options: what else decides the outputs.
        work: does it, and says what there is to count.
    """

    name: str
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    options: Mapping[str, Any]
    work: Callable[[], Counts]


class Pipeline:
    """Runs stages over one folder and keeps its manifest.

    Args:
        folder: made where it is missing.
        about: what the whole is, for the manifest: kind, languages, options.
        say: shows a line to the user.

    Raises:
        DataError: the folder cannot be made, or its manifest is none.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], say: Say) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot make the folder {folder}: {error.strerror}; choose another with -o") from None
        self.folder, self.say = folder, say
        stages = read_manifest(folder)["stages"] if (folder / MANIFEST).exists() else {}
        self.manifest: dict[str, Any] = {"format": FORMAT, **about, "versions": _versions(), "stages": stages}

    def run(self, stage: Stage) -> bool:
        """Do a stage unless it is done.

        Returns:
            Whether it was done now.
        """
        records = self.manifest["stages"]
        known = records.get(stage.name)
        inputs = {self._name(path): self._state(path, known, "inputs") for path in stage.inputs}
        if known is not None and self._is_done(stage, known, inputs):
            known["inputs"] = inputs
            self._save()
            self.say(f"{stage.name}: up to date")
            return False
        if records.pop(stage.name, None) is not None:
            self._save()
        started = time.monotonic()
        counts = dict(stage.work())
        seconds = time.monotonic() - started
        outputs = {self._name(path): _fresh(path) for path in stage.outputs}
        record = {"options": dict(stage.options), "inputs": inputs, "outputs": outputs, "counts": counts}
        records[stage.name] = {**record, "seconds": round(seconds, 2)}
        self._save()
        lines = counts.get("lines")
        rate = f", {lines / max(seconds, 1e-9):,.0f} lines/s" if lines else ""
        self.say(f"{stage.name}: {_in_words(counts)}{seconds:.1f} s{rate}")
        return True

    def _is_done(self, stage: Stage, known: dict[str, Any], inputs: Mapping[str, Any]) -> bool:
        def sums(files: Mapping[str, Any]) -> dict[str, str]:
            return {name: state["sha256"] for name, state in files.items()}

        if known["options"] != json.loads(json.dumps(dict(stage.options))) or sums(known["inputs"]) != sums(inputs):
            return False
        if set(known["outputs"]) != {self._name(path) for path in stage.outputs}:
            return False
        if not all(path.is_file() for path in stage.outputs):
            return False
        there = {self._name(path): self._state(path, known, "outputs") for path in stage.outputs}
        return sums(there) == sums(known["outputs"])

    def _state(self, path: Path, known: dict[str, Any] | None, side: str) -> dict[str, Any]:
        """Size, time of change and checksum of a file; the recorded checksum where the others are as recorded."""
        try:
            found = path.stat()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; check the path and its rights") from None
        recorded = (known or {}).get(side, {}).get(self._name(path))
        if recorded and (recorded["bytes"], recorded["changed"]) == (found.st_size, found.st_mtime_ns):
            return dict(recorded)
        return _fresh(path)

    def _name(self, path: Path) -> str:
        """Below the folder where it lies there, so that the folder can move; its own name elsewhere."""
        try:
            return str(path.resolve().relative_to(self.folder.resolve()))
        except ValueError:
            return path.name

    def _save(self) -> None:
        write_text(self.folder / MANIFEST, json.dumps(self.manifest, indent=1, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises:
        DataError: there is none, or it is no manifest of this version.
    """
    file = folder / MANIFEST
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}; give a folder that aat prepare made") from None
    except ValueError as error:
        raise DataError(f"{file} is no JSON ({error}); delete it to prepare anew") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("stages"), dict):
        raise DataError(f"{file} is no manifest of format {FORMAT}; delete it to prepare anew")
    return found


def _fresh(path: Path) -> dict[str, Any]:
    checksum, found = sha256(path), path.stat()
    return {"sha256": checksum, "bytes": found.st_size, "changed": found.st_mtime_ns}


def _in_words(counts: Counts) -> str:
    return "".join(f"{value:,} {name.replace('_', ' ')}, " for name, value in counts.items())


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
