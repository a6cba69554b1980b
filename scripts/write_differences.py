"""Write docs/differences.md from the tables in aat_plugin/conventions.py. Run it after a row changed; a test compares.

    python scripts/write_differences.py [FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from aat_plugin import conventions

SCOPES: dict[conventions.Scope, str] = {
    "model": "The model",
    "criterion": "The loss",
    "optimizer": "Adam",
    "lr_scheduler": "The rate",
    "search": "The search",
    "generation": "The search's numbers",
}
"""Scope → its heading, in the page's order."""

HEAD = """\
# Where the paper, tensor2tensor and fairseq differ

Written by `scripts/write_differences.py` from `aat_plugin/conventions.py`; a test holds the two together, and
`tests/test_each_convention.py` shows of every value here that it changes what it says.

`convention=paper|t2t_release|t2t_head|fairseq` (from flags `--convention`) chooses a column; each option can be set on
its own too and then wins. "paper" follows the text (arXiv 1706.03762); where the text is silent, the value is our
choice and the last column says why. "t2t_release" is tensor2tensor as published in June 2017 (3d9c62f2), "t2t_head"
its last state (bafdc1b6, `transformer_base_v3`), "fairseq" stock `transformer` with `label_smoothed_cross_entropy`.
"""

OTHERS = """\
## Differences without an option

| section | place | what each does |
|---|---|---|
"""


def text() -> str:
    """The whole page."""
    parts = [HEAD, *(_table(title, conventions.rows(scope)) for scope, title in SCOPES.items())]
    rows = "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in conventions.WITHOUT_OPTION)
    return "\n".join([*parts, OTHERS + rows])


def _table(title: str, rows: Iterable[conventions.Row]) -> str:
    dialects = " | ".join(conventions.DIALECTS)
    head = f"## {title}\n\n| option | section | the paper says | {dialects} | why, and what the others do |\n"
    return head + "|---" * (4 + len(conventions.DIALECTS)) + "|\n" + "".join(_lines(rows))


def _lines(rows: Iterable[conventions.Row]) -> Iterator[str]:
    for row in rows:
        values = (f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in row.values)
        cells = [f"`{row.field}`", row.section, _cell(row.paper_says), *values, _cell(row.why)]
        yield f"| {' | '.join(cells)} |\n"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def main() -> None:
    """Write the page."""
    default = Path(__file__).resolve().parents[1] / "docs/differences.md"
    Path(sys.argv[1] if len(sys.argv) > 1 else default).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
