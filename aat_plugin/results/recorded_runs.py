"""The runs of a folder and the figures in them: nothing else can put a number of ours into a table.

A run is a folder with a `results.json` that has a `provenance`. Its `cells` name a place in Table 2 or 4; other keys
(`table1`, `table3`, `whatif`, the demo's `translation`) are read by their tables. Take the folder away and the table
says "not run" again. Read `provenance` first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import cannot_write, write_text
from aat_plugin.errors import DataError
from aat_plugin.results.provenance import Provenance
from aat_plugin.results.training_cost import Cost

RESULTS = "results.json"
NOT_RUN = "not run"
GRAMMAR = "made-up grammar"
"""What the demo's data are called below Tables 2 and 4."""
DEEPEST = 4
"""Folders below the given one that are looked into."""
NEEDED = ("run", "date", "commands", "plugin", "versions", "hardware", "threads", "data_sha256")


@dataclass(frozen=True)
class Run:
    """What one run found.

    Attributes:
        folder: where it lies.
        content: its `results.json`.
    """

    folder: Path
    content: Mapping[str, Any]

    @property
    def provenance(self) -> Provenance:
        """Where its numbers came from."""
        found: Provenance = self.content["provenance"]
        return found

    @property
    def name(self) -> str:
        """The run's own name, unlike any other's."""
        return str(self.provenance["run"])


@dataclass(frozen=True)
class Figure:
    """One number of a run, for one cell of a table.

    Attributes:
        value: the number.
        run: where it came from.
        note: how it was measured, such as a score's signature.
        cost: of the training behind it, where that was recorded.
    """

    value: float
    run: Run
    note: str = ""
    cost: Cost | None = None


def find(root: Path) -> list[Run]:
    """Every run below a folder, the newest first; an empty list where the folder is missing.

    Raises:
        DataError: a results.json is no JSON, or has no whole provenance.
    """
    files = [file for depth in range(DEEPEST + 1) for file in root.glob("*/" * depth + RESULTS)]
    found = [_read(file) for file in sorted(files)]
    return sorted(found, key=lambda run: str(run.provenance["date"]), reverse=True)


def _read(file: Path) -> Run:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        missing = [name for name in NEEDED if name not in content["provenance"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file} is no run's results ({error!r}); delete it or run that again") from None
    if missing:
        raise DataError(f"{file}: its provenance lacks {', '.join(missing)}; run that again")
    return Run(file.parent, content)


def newest(runs: Iterable[Run], key: str) -> Run | None:
    """The newest run that has something under `key`."""
    return next((run for run in runs if key in run.content), None)


def figures(runs: Iterable[Run], table: str) -> dict[tuple[str, str], list[Figure]]:
    """What runs have for a table: (row, column) → figures, the newest first."""
    found: dict[tuple[str, str], list[Figure]] = {}
    for run in runs:
        for cell in run.content.get("cells", []):
            if cell["table"] == table:
                place = (str(cell["row"]), str(cell["column"]))
                cost = Cost.from_json(cell["cost"]) if cell.get("cost") else None
                found.setdefault(place, []).append(Figure(float(cell["value"]), run, str(cell.get("note", "")), cost))
    return found


def write(folder: Path, provenance: Provenance, content: Mapping[str, Any]) -> Path:
    """Write a run's results, whole or not at all.

    Returns:
        The file.

    Raises:
        DataError: it cannot be written.
    """
    file = folder / RESULTS
    with cannot_write(file):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps({**content, "provenance": provenance}, indent=1, ensure_ascii=False) + "\n")
    return file
