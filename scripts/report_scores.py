"""The end of a recipe: its scores beside the published one, as report.md and results.json in the run's folder.

    python scripts/report_scores.py --title TITLE --published 27.3 --run RUN --data MANIFEST RUN/bleu.paper.json …

Every figure carries its provenance (`results.provenance`): run, date, commands, commit, versions, hardware, data.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from aat_plugin.corpora.files import write_text
from aat_plugin.results.provenance import collect, in_words


def commands(run: Path) -> list[str]:
    """What the recipe's steps ran, in their order."""
    done = sorted(run.glob(".*.done"), key=lambda path: path.stat().st_mtime_ns)
    return [path.read_text(encoding="utf-8").strip() for path in done if path.name != ".report.done"]


def results(given: argparse.Namespace) -> dict[str, Any]:
    """All that is reported."""
    scores = {}
    for file in given.scores:
        found = json.loads(file.read_text(encoding="utf-8"))
        scores[found["protocol"]] = {key: found[key] for key in ("score", "signature", "sentences", "chrf")}
    return {
        "title": given.title,
        "published": given.published,
        "scores": scores,
        "provenance": collect(commands(given.run), [given.data, given.run / "averaged.pt"]),
    }


def page(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"# {found['title']}", "", "| BLEU by | score | sentences | signature |", "|---|---|---|---|"]
    for protocol, score in found["scores"].items():
        lines.append(f"| {protocol} | {score['score']:.2f} | {score['sentences']:,} | `{score['signature']}` |")
    lines += [f"| published | {found['published']} | | |", "", in_words(found["provenance"]), ""]
    return "\n".join([*lines, *(f"    {command}" for command in found["provenance"]["commands"]), ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", required=True)
    parser.add_argument("--published", required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the manifest of the prepared data")
    parser.add_argument("scores", type=Path, nargs="+", help="what aat score bleu --json printed")
    read = parser.parse_args()
    made = results(read)
    write_text(read.run / "report.md", page(made))
    write_text(read.run / "results.json", json.dumps(made, indent=2, ensure_ascii=False) + "\n")
