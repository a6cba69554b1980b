"""Phrase-structure trees in the Penn Treebank's brackets: a light tree, a streaming reader and a writer (Section 6.3).

Nothing here recurses, so a tree 5,000 brackets deep is as good as any. Trees may stand one a line or be spread over
many lines, several may share a line, and every mistake is named with file, line and column. White space is ASCII's:
a no-break space belongs to its word, as for EVALB. Read `cleaning` next (wrappers, traces, function tags), and
`tree_files` for files, packed ones too; `tree_exchange` speaks to nltk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from aat_plugin.errors import DataError

TOKEN = re.compile(r"\(\s*([^\s()]*)(?:\s+([^\s()]+)\s*\))?|(\))|([^\s()]+)", re.ASCII)
"""One step of a reader: `(TAG word)` in one piece, or `(LABEL`, or `)`, or a word on its own."""

_UNFIT = re.compile(r"[\s()]", re.ASCII)


class Tree:
    """A bracket with its parts, or a leaf: a tag with its word.

    Attributes:
        label: the bracket's label, or the leaf's tag; "" where the file gives none.
        children: the parts in order; empty for a leaf.
        word: the leaf's word, else None.
    """

    __slots__ = ("children", "label", "word")
    __hash__ = None  # type: ignore[assignment]  # trees can be changed

    def __init__(self, label: str, children: Sequence[Tree] = (), word: str | None = None) -> None:
        self.label = label
        self.children = list(children)
        self.word = word

    @classmethod
    def leaf(cls, tag: str, word: str) -> Tree:
        """A word under its tag."""
        return cls(tag, (), word)

    def preorder(self) -> Iterator[Tree]:
        """Every bracket and leaf, a bracket before its parts."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def leaves(self) -> list[Tree]:
        """The leaves from left to right."""
        return [node for node in self.preorder() if node.word is not None]

    def words(self) -> list[str]:
        """The words from left to right."""
        return [node.word for node in self.preorder() if node.word is not None]

    def tags(self) -> list[str]:
        """The words' tags from left to right."""
        return [node.label for node in self.preorder() if node.word is not None]

    def __eq__(self, other: object) -> bool:
        """Whether labels, words and shape are the same."""
        if not isinstance(other, Tree):
            return NotImplemented
        ours, theirs = self.preorder(), other.preorder()
        # Equal numbers of parts at every step of the same walk are equal shapes.
        return all(
            a is not None and b is not None and a.label == b.label and a.word == b.word
            and len(a.children) == len(b.children)
            for a, b in _in_step(ours, theirs)
        )

    def __str__(self) -> str:
        """The tree on one line, without a check of its words; see `to_line`."""
        return _line(self)

    def __repr__(self) -> str:
        """The tree's line, cut short."""
        text = _line(self)
        return f"<Tree {text}>" if len(text) <= 200 else f"<Tree {text[:197]}...>"


def _in_step(ours: Iterator[Tree], theirs: Iterator[Tree]) -> Iterator[tuple[Tree | None, Tree | None]]:
    while True:
        pair = next(ours, None), next(theirs, None)
        if pair == (None, None):
            return
        yield pair


def read_trees(lines: Iterable[str], source: str = "trees", first: int = 1) -> Iterator[Tree]:
    """Read bracketed trees, holding no more than one of them in memory.

    Args:
        lines: the text, in whatever pieces it has lines.
        source: the file's name, for messages.
        first: the first line's number, for messages.

    Yields:
        Each tree as it stands: wrappers, traces and function tags included.

    Raises:
        DataError: a bracket is empty, unbalanced or mixes words and brackets; names source, line and column.
    """
    reader = _Reader(source)
    for number, line in enumerate(lines, start=first):
        yield from reader.read(number, line)
    reader.end()


def read_line(line: str, source: str = "trees", number: int = 1) -> Tree | None:
    """The tree of one line of a file that has one a line.

    Args:
        line: the line.
        source: the file's name, for messages.
        number: the line's number, for messages.

    Returns:
        The tree; None for a blank line; several trees side by side come under one bracket without a label.

    Raises:
        DataError: as for `read_trees`.
    """
    trees = list(read_trees([line], source, number))
    if len(trees) <= 1:
        return trees[0] if trees else None
    return Tree("", trees)


class _Reader:
    """What is open between two lines."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.number, self.line, self.place = 0, "", 0
        self.open: list[Tree] = []
        self.began = (0, "", 0)

    def read(self, number: int, line: str) -> Iterator[Tree]:
        """Read one more line, and give the trees that end on it."""
        self.number, self.line = number, line
        stack = self.open
        for self.place, (label, word, close, bare) in enumerate(TOKEN.findall(line)):
            if close:
                done = self._close()
                if not stack:
                    yield done
                continue
            if stack and stack[-1].word is not None:
                self._fail(f"the word {_short(stack[-1].word)} shares its bracket with others")
            if bare:
                self._say(bare)
                continue
            node = Tree(label, (), word or None)
            if stack:
                stack[-1].children.append(node)
            elif word:
                yield node
            else:
                self.began = (number, line, self.place)
            if not word:
                stack.append(node)

    def end(self) -> None:
        """Nothing may be open at the end."""
        if self.open:
            (self.number, self.line, self.place), count = self.began, len(self.open)
            what = "a bracket is never closed" if count == 1 else f"{count} brackets are never closed"
            self._fail(f"{what}, the first of them opens here; add the missing ')'")

    def _close(self) -> Tree:
        if not self.open:
            self._fail("a ')' that closes nothing; take it out or add its '('")
        node = self.open.pop()
        if node.word is None and not node.children:
            self._fail(f"the bracket '({node.label}' is empty; every bracket holds a word")
        return node

    def _say(self, bare: str) -> None:
        """A word on its own: from another line than its bracket, the label of one that has none yet, or its word."""
        if not self.open:
            self._fail(f"the word {_short(bare)} stands outside all brackets")
        node = self.open[-1]
        if node.children:
            hint = "give it a bracket and a tag of its own; a bracket in a word is written -LRB- or -RRB-"
            self._fail(f"the word {_short(bare)} stands beside brackets; {hint}")
        if node.label:
            node.word = bare
        else:
            node.label = bare

    def _fail(self, what: str) -> NoReturn:
        matches = enumerate(TOKEN.finditer(self.line))
        column = next(match.start() + 1 for count, match in matches if count == self.place)
        raise DataError(f"{self.source}:{self.number}:{column}: {what}")


def _short(word: str) -> str:
    return repr(word if len(word) <= 40 else word[:37] + "...")


def to_line(tree: Tree) -> str:
    """The tree on one line, as `read_line` reads it.

    Raises:
        DataError: a word, tag or label is empty or holds white space or a bracket.
    """
    for node in tree.preorder():
        if node.word is not None and (not node.word or not node.label or _UNFIT.search(node.word)):
            raise DataError(
                f"the word {node.word!r} under the tag {node.label!r} cannot stand in brackets; "
                "write '(' as -LRB-, ')' as -RRB-, and no spaces"
            )
        if _UNFIT.search(node.label):
            raise DataError(f"the label {node.label!r} cannot stand in brackets: it holds a space or a bracket")
    return _line(tree)


def _line(tree: Tree) -> str:
    pieces: list[str] = []
    stack: list[Tree | None] = [tree]
    while stack:
        node = stack.pop()
        if node is None:
            pieces.append(")")
        elif node.word is not None:
            pieces.append(f" ({node.label} {node.word})")
        else:
            pieces.append(f" ({node.label}")
            stack.append(None)
            stack.extend(reversed(node.children))
    return "".join(pieces)[1:]


def to_pretty(tree: Tree, width: int = 100) -> str:
    """The tree over several lines, two spaces a level; a bracket that fits into the width stays on one line."""
    lengths = _lengths(tree)
    lines: list[str] = []
    stack: list[tuple[Tree | None, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if node is None:
            lines[-1] += ")"
        elif node.word is not None or 2 * depth + lengths[id(node)] <= width:
            lines.append("  " * depth + _line(node))
        else:
            lines.append("  " * depth + f"({node.label}")
            stack.append((None, 0))
            stack.extend((child, depth + 1) for child in reversed(node.children))
    return "\n".join(lines)


def _lengths(tree: Tree) -> dict[int, int]:
    """Each node's length when it is written on one line."""
    lengths: dict[int, int] = {}
    for node in reversed(list(tree.preorder())):
        own = len(node.label) + 2 + (len(node.word) + 1 if node.word is not None else 0)
        lengths[id(node)] = own + sum(lengths[id(child)] + 1 for child in node.children)
    return lengths
