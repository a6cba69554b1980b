"""`aat params`: how many parameters Table 3's rows have, beside the millions that the paper prints. Section 6.2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aat_plugin.results.table3 import Variation

app = typer.Typer(add_completion=False)

TOKENS, LENGTH = 25_000, 30
"""Section 5.1's tokens of each side an update; a typical length of a WMT14 sentence, averaged over tokens."""


@app.command(epilog="Example: aat params --variation all --vocabulary 40960 --convention t2t_release")
def params(
    variation: Annotated[str, typer.Option(help="A row of Table 3 (base, A1 … E, big), or all.")] = "all",
    vocabulary: Annotated[int, typer.Option(help="V, rows of the one embedding table.", min=1)] = 37_000,
    convention: Annotated[str, typer.Option(help="paper | t2t_release | t2t_head | fairseq")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Count parameters, exactly, and the operations of an update of 25,000 + 25,000 tokens.

    The paper's own counts come back under --convention t2t_release --vocabulary 40960, all but big's.
    """
    from aat_plugin.errors import choose
    from aat_plugin.results.table3 import BY_NAME

    names = list(BY_NAME) if variation == "all" else [choose("variation", variation, ["all", *BY_NAME])]
    rows = [row(BY_NAME[name], vocabulary, convention) for name in names]
    if as_json:
        print(json.dumps({"vocabulary": vocabulary, "convention": convention, "rows": rows}, indent=2))
    else:
        _show(rows, vocabulary, convention)


def row(variation: Variation, vocabulary: int, convention: str) -> dict[str, Any]:
    """One row: its name, counts and published numbers.

    Raises:
        ConfigError: an unknown convention.
    """
    from aat_plugin.architecture.cost import operations, parameters
    from aat_plugin.results.table3 import config_of

    config = config_of(variation.sizes, vocabulary, convention)
    count, published = parameters(config).total, variation.parameters
    return {
        "variation": variation.name,
        "parameters": count,
        "published_millions": published,
        "rounds_to_published": None if published is None else round(count / 1e6) == published,
        "operations_per_update": operations(config, TOKENS, TOKENS, LENGTH).update,
    }


def _show(rows: list[dict[str, Any]], vocabulary: int, convention: str) -> None:
    """The rows as a table, and what does not agree in words."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Table 3 at V = {vocabulary:,}, convention {convention}", title_justify="left")
    table.add_column("row")
    for heading in ("parameters", "published", "operations an update"):
        table.add_column(heading, justify="right")
    for one in rows:
        published = one["published_millions"]
        mark = {None: "", True: " =", False: " ≠"}[one["rounds_to_published"]]
        printed = "" if published is None else f"{published} M{mark}"
        table.add_row(one["variation"], f"{one['parameters']:,}", printed, f"{one['operations_per_update']:.3e}")
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    with_number = [one for one in rows if one["published_millions"] is not None]
    agree = sum(bool(one["rounds_to_published"]) for one in with_number)
    console.print(f"{agree} of {len(with_number)} published counts come back, rounded to a million.")
    for one in with_number:
        if not one["rounds_to_published"]:
            here, there = one["parameters"] / 1e6, one["published_millions"]
            console.print(f"  {one['variation']}: {here:.1f} M here, {there} M there")
    as_published = (vocabulary, convention) == (40_960, "t2t_release")
    console.print(
        "Next: fairseq-hydra-train … variation=B1 trains a row." if as_published
        else "Next: aat params --vocabulary 40960 --convention t2t_release, under which all but big's come back."
    )
