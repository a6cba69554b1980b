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
class Cell:
    """A number of ours, with a link to the run that it comes from.

    Attributes:
        text: the number, or "not run".
        run: the run's name, which a section of the page has as its anchor; empty where nothing was run.
        named: whether the name stands beside the number; without, another cell of the row has it, and the number itself
            is the link.
    """

    text: str
    run: str = ""
    named: bool = True


@dataclass(frozen=True)
class Table:
    """A real table.

    Attributes:
        head: the columns' names.
        rows: their cells, as text or linked to runs.
        numeric: which columns are aligned as numbers.
        prose: which hold sentences, and are kept wide enough to be read on a phone.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    numeric: Sequence[int] = ()
    prose: Sequence[int] = ()


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
        anchor: where links to it lead; a section without one has none.
        minor: a smaller heading, of a part of the section before.
    """

    title: str
    text: Sequence[str] = ()
    table: Table | None = None
    picture: str = ""
    commands: Sequence[str] = ()
    note: str = ""
    anchor: str = ""
    minor: bool = False


def render(title: str, lead: str, sections: Sequence[Section], *, contents: bool = False) -> str:
    """The page as HTML text.

    Args:
        title, lead: what stands at its top.
        sections: what follows.
        contents: list the sections that have anchors, as links, below the lead.
    """
    return template("page.html.j2").render(title=title, lead=lead, sections=sections, contents=contents)


def template(name: str) -> jinja2.Template:
    """One of the templates beside this file; whatever is put into it is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )
    return environment.get_template(name)
