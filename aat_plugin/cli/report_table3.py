"""`aat report table3`: Table 3, published, counted, and trained here at a scale."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False)


@app.command(epilog="Example: aat report table3 --run --budget 2000 --scale 1/8 --seeds 3 --row A1 --row D3")
def table3(
    run: Annotated[bool, typer.Option("--run", help="Train rows; goes on where it was stopped.")] = False,
    budget: Annotated[int, typer.Option(help="Updates of row base; big gets three times as many.", min=5)] = 2000,
    scale: Annotated[str, typer.Option(help="The factor on d_model, d_ff, d_k and d_v: 1/8, 1/4 …")] = "1/8",
    seeds: Annotated[int, typer.Option(help="Runs of each row.", min=1)] = 1,
    row: Annotated[list[str] | None, typer.Option(help="Some rows alone; several. Default: all.")] = None,
    data: Annotated[Path, typer.Option(help="What aat prepare pair made.")] = Path("runs/demo/data"),
    ref: Annotated[Path, typer.Option(help="The valid set's target side, raw text.")] = Path("runs/demo/text/valid.de"),
    experiment: Annotated[str, typer.Option(help="A config of conf/: its recipe and hardware.")] = "demo_translation",
    override: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of the config, for all rows; several.")] = None,
    runs: Annotated[Path, typer.Option(help="The folder of runs.")] = Path("runs"),
) -> None:
    """Show all rows; with --run train them at a scale and say which signs came back (Section 6.2)."""
    from aat_plugin.cli.section_output import show
    from aat_plugin.results.recorded_runs import find
    from aat_plugin.results.report_page import table3 as sections

    if run:
        _train(budget, _factor(scale), seeds, row, data, ref, experiment, pairs(override), runs)
    show(sections(find(runs)))
    print("Next: aat report all -o report.html" if run else "Next: aat report table3 --run --budget 2000 trains rows.")


def _train(budget: int, factor: Fraction, seeds: int, rows: list[str] | None, data: Path, ref: Path, experiment: str,
           more: dict[str, Any], runs: Path) -> None:  # fmt: skip
    from aat_plugin.cli import paths
    from aat_plugin.errors import choose
    from aat_plugin.results.small_runs import Folders, corpus
    from aat_plugin.results.table3 import BY_NAME
    from aat_plugin.results.table3_runs import Plan
    from aat_plugin.results.table3_runs import run as train

    names = [choose("row", name, BY_NAME) for name in rows] if rows else list(BY_NAME)
    plan = Plan(names, seeds, budget, factor, experiment, more)
    folders = Folders(paths.user_dir(), paths.conf_dir())
    train(plan, runs / "table3", corpus(data, ref), folders, lambda line: print(line, flush=True))


def _factor(text: str) -> Fraction:
    from aat_plugin.errors import ConfigError

    try:
        factor = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"--scale {text!r} is no number; give 1/8, 1/4, 1 …") from None
    if factor <= 0:
        raise ConfigError(f"--scale {text} must be above 0")
    return factor


def pairs(given: list[str] | None) -> dict[str, Any]:
    """KEY=VALUE words as overrides.

    Raises:
        ConfigError: a word without an equals sign.
    """
    from aat_plugin.errors import ConfigError

    broken = [one for one in given or () if "=" not in one]
    if broken:
        raise ConfigError(f"--override {broken[0]!r} is not KEY=VALUE")
    return dict(one.split("=", 1) for one in given or ())
