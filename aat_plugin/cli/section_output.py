"""Sections of a page as text on a terminal, for `aat report …`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from aat_plugin.results.page import Cell, Section

WIDEST = 240
"""Letters of a line that no terminal limits."""


def show(sections: Sequence[Section]) -> None:
    """Print titles, text and tables; pictures are for pages."""
    from rich.console import Console
    from rich.table import Table

    # A terminal folds long cells; into a file or a pipe the table goes as wide as it is.
    wide = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDEST
    console = Console(soft_wrap=True, highlight=False, markup=False, width=wide)
    for section in sections:
        if section.picture and section.table is None:
            continue
        console.print(f"\n{section.title}")
        for paragraph in section.text:
            console.print(paragraph)
        if section.table is not None:
            table = Table()
            for column, name in enumerate(section.table.head):
                side: JustifyMethod = "right" if column in section.table.numeric else "left"
                table.add_column(name, justify=side, overflow="fold")
            for row in section.table.rows:
                table.add_row(*map(_plain, row))
            console.print(table)
        if section.note:
            console.print(section.note)


def _plain(cell: str | Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell.text} [{cell.run}]" if cell.run and cell.named else cell.text
