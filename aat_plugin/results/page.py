"""Self-contained HTML pages: no network, phone and desktop, light and dark, real tables, alt texts.

A page is a list of sections; jinja2 escapes whatever comes from a corpus or a log. Read `demo_page` next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Table:
    """A real table.

    Attributes:
        head: the columns' names.
        rows: their cells, as text.
        numeric: which columns are aligned as numbers.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it; each part is optional.

    Attributes:
        title: the heading.
        text: paragraphs.
        table: a table.
        picture: an `<svg>` element made by `charts`, which is trusted and not escaped.
        commands: shell commands, shown as they were typed.
        note: small print, such as the provenance.
    """

    title: str
    text: Sequence[str] = ()
    table: Table | None = None
    picture: str = ""
    commands: Sequence[str] = ()
    note: str = ""


def render(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The page as HTML text."""
    return template("page.html.j2").render(title=title, lead=lead, sections=sections)


def template(name: str) -> jinja2.Template:
    """One of the templates beside this file; whatever is put into it is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    return environment.get_template(name)
