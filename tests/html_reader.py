"""Reads a page for tests: its tags with their attributes, and the text of table cells."""

from __future__ import annotations

from html.parser import HTMLParser


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._inside = False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self._inside = True
            self.cells.append("")

    def handle_data(self, data):
        if self._inside:
            self.cells[-1] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._inside = False


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader
