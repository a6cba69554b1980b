"""`aat report table1`: Table 1, measured."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aat_plugin.results.table1 import Settings

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat report table1 --length 512 --length 1024 --length 2048")
def table1(
    length: Annotated[list[int] | None, typer.Option(help="n; several. The shortest is ≥ 8 × the widest d.")] = None,
    width: Annotated[list[int] | None, typer.Option(help="d; several, each a multiple of 4.")] = None,
    kernel: Annotated[int, typer.Option(help="k of the convolutions.", min=2)] = 3,
    neighbourhood: Annotated[int, typer.Option(help="r of restricted attention.", min=2)] = 9,
    runs: Annotated[Path, typer.Option(help="The folder of runs; the measurement becomes one of them.")] = Path("runs"),
) -> None:
    """Measure operations, memory, time, sequential steps and path lengths of each kind of layer (Section 4)."""
    from aat_plugin.cli.section_output import show
    from aat_plugin.results import provenance
    from aat_plugin.results.recorded_runs import find, write
    from aat_plugin.results.report_page import table1 as sections
    from aat_plugin.results.table1 import measure, settings_of

    settings = settings_of(length, width, kernel, neighbourhood)
    started = time.monotonic()
    measured = measure(settings, lambda name: print(f"measuring: {name}", flush=True))
    words = ["aat", "report", "table1", *_options(settings)]
    source = provenance.collect([shlex.join(words)], [], seconds=round(time.monotonic() - started, 1))
    file = write(runs / "table1", source, {"table1": measured})
    show(sections([run for run in find(runs) if run.folder == file.parent]))
    print(f"Results: {file}. Next: aat report all -o report.html, with the curves.")


def _options(settings: Settings) -> list[str]:
    """The command's own options for the same measurement."""
    words = [word for n in settings.lengths for word in ("--length", str(n))]
    words += [word for d in settings.widths for word in ("--width", str(d))]
    return [*words, "--kernel", str(settings.kernel), "--neighbourhood", str(settings.neighbourhood)]
