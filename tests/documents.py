"""What a Markdown page of this project holds: its commands with what they print, its Python, its links, its numbers."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```\n", flags=re.S | re.M)
ANCHOR = re.compile(r'^<a id="([a-z-]+)"></a>\n(#+) (.+)$', flags=re.M)


@dataclass(frozen=True)
class Command:
    """A line of a bash block.

    Attributes:
        words: as the shell would split them.
        printed: the lines of the text block right below; empty where there is none.
    """

    words: tuple[str, ...]
    printed: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """From one anchor to the next.

    Attributes:
        anchor: the id of its heading.
        level: of the heading.
        text: everything below the heading.
    """

    anchor: str
    level: int
    text: str

    def fenced(self, language: str) -> list[str]:
        """The blocks of one language."""
        return [body for name, body in FENCE.findall(self.text) if name == language]

    def commands(self) -> list[Command]:
        """Of all bash blocks, in order."""
        found = []
        blocks = list(FENCE.finditer(self.text))
        for place, block in enumerate(blocks):
            if block[1] != "bash":
                continue
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            shown = after is not None and after[1] == "text" and not self.text[block.end() : after.start()].strip()
            lines = after[2].splitlines() if after is not None and shown else []
            found += [Command(words, tuple(lines)) for words in split(block[2])]
        return found

    def pictures(self) -> dict[str, str]:
        """File → alternative text."""
        return {file: alt for alt, file in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", self.text)}

    def code_links(self) -> list[tuple[str, str]]:
        """(name, Python file) of links such as [`name`](../aat_plugin/file.py)."""
        return re.findall(r"\[`([\w.]+)`\]\(([^)\s]+\.py)\)", self.text)

    def prose(self) -> str:
        """The text without blocks, inline code, what was measured and the targets of links."""
        text = re.sub(r"<!-- measured -->.*?<!-- /measured -->", "", self.text, flags=re.S)
        text = re.sub(r"\]\([^)]*\)", "]", FENCE.sub("", text))
        return re.sub(r"`[^`]*`", "", text)

    def measured(self) -> list[str]:
        """What stands between the marks of a measurement."""
        return re.findall(r"<!-- measured -->(.*?)<!-- /measured -->", self.text, flags=re.S)


def sections(page: Path) -> list[Section]:
    """The page's sections that have an anchor of their own."""
    text = page.read_text(encoding="utf-8")
    found = list(ANCHOR.finditer(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    return [Section(one[1], len(one[2]), text[one.end() : end]) for one, end in zip(found, ends, strict=True)]


def split(block: str) -> list[tuple[str, ...]]:
    """The commands of a bash block: continued lines joined, remarks taken off."""
    lines = block.replace("\\\n", " ").splitlines()
    return [tuple(shlex.split(line, comments=True)) for line in lines if line.strip() and not line.startswith("#")]


def without_remarks(code: str) -> str:
    """Python without the remarks at the ends of its lines, which are in the page's language."""
    return re.sub(r" +# .*$", "", code, flags=re.M)


def numbers(text: str) -> set[str]:
    """Numbers with a decimal point, or with commas between thousands."""
    return set(re.findall(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d.,]*\d)|(?<![\d.,])\d+\.\d+(?![\d.]*\d)", text))
