"""`aat doctor`: what is installed, which fairseq is imported, the devices, what will break and how to mend it."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from aat_plugin.cli.diagnosis.findings import Finding

app = typer.Typer(add_completion=False)

_MARKS = {"ok": "[green]ok[/]    ", "note": "[yellow]note[/]  ", "broken": "[red]BROKEN[/]"}


@app.command(epilog="Example: aat doctor --json > doctor.json")
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Say what is installed, what will break and how to mend it; exit with 1 if something is broken."""
    found = examine()
    broken = [finding for finding in found if finding.verdict == "broken"]
    if as_json:
        print(json.dumps({"ok": not broken, "findings": [asdict(finding) for finding in found]}, indent=2))
    else:
        _show(found, len(broken))
    if broken:
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """All findings; what needs torch or fairseq is left out where those do not import."""
    from aat_plugin.cli.diagnosis import framework, machine, packages, plugin

    found = packages.findings()
    has_torch = packages.installed("torch") is not None
    if has_torch:
        found += machine.findings()
    fairseq = framework.findings() if has_torch else []
    works = bool(fairseq) and all(finding.verdict != "broken" for finding in fairseq)
    return [*found, *fairseq, *plugin.findings(fairseq_works=works)]


def _show(found: list[Finding], broken: int) -> None:
    """The findings under their headings, each way out on a line of its own."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True, highlight=False)
    for topic, members in groupby(found, key=lambda finding: finding.topic):
        console.print(f"\n[bold]{topic}[/]")
        for finding in members:
            console.print(f"  {_MARKS[finding.verdict]} {escape(finding.name)}: {escape(finding.value)}")
            if finding.mend:
                console.print(f"         → {escape(finding.mend)}")
    notes = sum(finding.verdict == "note" for finding in found)
    console.print(f"\n{broken} broken, {notes} worth knowing, {len(found) - broken - notes} fine.")
