"""Finished runs are kept, a file each, so that a benchmark that was interrupted goes on where it stopped. No torch.

A file holds the command, the commit, when it ran and the line that it printed; another command or commit for the same
place runs anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class RunFailedError(Exception):
    """A side ended with an error; the text holds the end of what it said."""


def run(place: Path, command: Sequence[str], limit: float, commit: str = "") -> dict[str, Any]:
    """The figures of `command`, read from `place` where it ran before.

    Args:
        place: the file.
        command: its words.
        limit: seconds after which it is given up.
        commit: of the code that runs.

    Raises:
        RunFailedError: it ended with an error, took too long or printed no JSON.
    """
    known = read(place)
    if known is not None and (known["command"], known["commit"]) == (list(command), commit):
        return dict(known["figures"])
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise RunFailedError(f"{' '.join(command)}: no end after {limit:.0f} s") from None
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RunFailedError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-1500:]}")
    try:
        figures = json.loads(lines[-1])
    except ValueError:
        raise RunFailedError(f"{' '.join(command)}: its last line is no JSON: {lines[-1][:200]}") from None
    when = datetime.now(UTC).isoformat(timespec="seconds")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    write(place, {"command": list(command), "commit": commit, "when": when, "load": load, "figures": figures})
    return dict(figures)


def read(place: Path) -> dict[str, Any] | None:
    """What was kept; None where there is nothing, or a file that was cut short."""
    try:
        kept = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    complete = isinstance(kept, dict) and {"command", "commit", "figures"} <= kept.keys()
    return kept if complete else None


def write(place: Path, content: Any) -> None:
    """Write JSON to a temporary name and rename it, so that `place` is whole or absent."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(place.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, place)


def say(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)
