"""Trees as pictures: SVG in the page's own ink, for words of any script. Nothing here recurses.

A bracket is as wide as its parts side by side, or as its label where that is wider, and stands above their middle, so
that nothing overlaps. Widths of words are estimated, because only a browser knows its fonts. Read `trees` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from html import escape

from aat_plugin.parsing.trees import Tree

SIZE = 14
"""Of the letters, in pixels."""
_LEVEL, _GAP, _MARGIN = 44, 12, 10
# XML has no way to write these.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def draw(trees: Sequence[Tree], alt: str = "", *, on_white: bool = False) -> str:
    """Trees, one below the other, as one `<svg>` element that is a file of its own too.

    Args:
        trees: what to draw; words stand below their tags.
        alt: what the picture shows, in words; default: the trees' words.
        on_white: black on a white ground, for a file that is shown on pages of any colour.
    """
    pieces = ['<rect width="100%" height="100%" fill="white" />'] if on_white else []
    width, top = 0.0, float(_MARGIN)
    for tree in trees:
        drawing = _Drawing(tree, top)
        pieces += drawing.pieces
        width, top = max(width, drawing.width), drawing.bottom + _LEVEL / 2
    size = f"{width + 2 * _MARGIN:.0f} {max(top, 1.0):.0f}"
    label = escape(_fit(alt or " / ".join(" ".join(tree.words()) for tree in trees)), quote=True)
    ink = ' color="black"' if on_white else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" viewBox="0 0 {size}" '
        f'style="max-width: {width + 2 * _MARGIN:.0f}px" font-family="sans-serif" font-size="{SIZE}" '
        f'text-anchor="middle" fill="currentColor"{ink} stroke="none">\n' + "\n".join(pieces) + "\n</svg>\n"
    )


class _Drawing:
    """One tree's place on the page, and the elements that show it."""

    def __init__(self, tree: Tree, top: float) -> None:
        nodes = list(tree.preorder())
        self.widths: dict[int, float] = {}
        for node in reversed(nodes):
            own = max(text_width(node.label), text_width(node.word or "")) + _GAP
            self.widths[id(node)] = max(own, sum(self.widths[id(child)] for child in node.children))
        self.width, self.bottom = self.widths[id(tree)], top
        self.pieces: list[str] = []
        self._place(tree, top)

    def _place(self, tree: Tree, top: float) -> None:
        # Each node with its left edge, its level and where its parent's line begins.
        stack: list[tuple[Tree, float, int, tuple[float, float] | None]] = [(tree, float(_MARGIN), 0, None)]
        while stack:
            node, left, level, above = stack.pop()
            middle, height = left + self.widths[id(node)] / 2, top + level * _LEVEL + SIZE
            if above is not None:
                self.pieces.append(_line(*above, middle, height - SIZE))
            self.pieces.append(_text(node.label, middle, height))
            if node.word is not None:
                self.pieces.append(_line(middle, height + 5, middle, height + _LEVEL - SIZE))
                self.pieces.append(_text(node.word, middle, height + _LEVEL, style="italic"))
            self.bottom = max(self.bottom, height + (_LEVEL if node.word is not None else 0) + 6)
            # From the right, so that what lies on the left is taken from the stack, and read aloud, first.
            right = middle + sum(self.widths[id(child)] for child in node.children) / 2
            for child in reversed(node.children):
                right -= self.widths[id(child)]
                stack.append((child, right, level + 1, (middle, height + 5)))


def text_width(text: str) -> float:
    """An estimate of a text's width in pixels: wide for East Asian letters, none for marks on other letters."""
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return float(SIZE)
    return SIZE * (0.75 if letter.isupper() else 0.6)


def _text(text: str, x: float, y: float, style: str = "normal") -> str:
    slant = f' font-style="{style}"' if style != "normal" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{slant}>{escape(_fit(text))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" />'


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
