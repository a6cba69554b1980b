"""`manifest.json` of a prepared folder: what each stage read, by which options and versions, and what it made.

Read `stages` next, which decides by it what is done already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import sha256
from aat_plugin.errors import DataError

MANIFEST = "manifest.json"
FORMAT = 1
PACKAGES = ("aat_plugin", "sacremoses", "subword-nmt", "sentencepiece", "ve-fairseq", "fairseq-fixed")

State = dict[str, Any]
"""A file's `name`, `sha256`, `bytes` and time of change (`changed`, in nanoseconds)."""


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
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{file} is no JSON ({reason}); delete it to prepare anew") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get("stages"), dict):
        raise DataError(f"{file} is no manifest of format {FORMAT}; delete it to prepare anew")
    return found


def file_state(path: Path, name: str, known: Sequence[object] = ()) -> State:
    """What the manifest says of a file; its checksum is taken from `known` where size and time of change are the same.

    Raises:
        DataError: it cannot be read.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path and its rights") from None
    state: State = {"name": name, "bytes": found.st_size, "changed": found.st_mtime_ns}
    for one in known:
        if isinstance(one, Mapping) and all(one.get(key) == value for key, value in state.items()) and "sha256" in one:
            return {**state, "sha256": one["sha256"]}
    return {**state, "sha256": sha256(path)}


def checksums(states: object) -> list[tuple[object, object]]:
    """Names and checksums alone; empty for what is no list of states."""
    if not isinstance(states, list) or not all(isinstance(one, Mapping) for one in states):
        return []
    return [(one.get("name"), one.get("sha256")) for one in states]


def versions() -> dict[str, str]:
    """Package → version, of those that decide what is made."""
    return {name: found for name in PACKAGES if (found := package_version(name)) is not None}


def package_version(name: str) -> str | None:
    """The installed version; None where the package is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
