"""From a line of symbols back to a tree, mending what is no tree by the rules of `repair_rules` (Section 6.3).

Every sentence gets a tree over exactly its words; no rule sees a gold tree, and every use of a rule is counted. An
output is well-formed exactly if nothing was counted. Read `linearise` and `repair_rules` first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from aat_plugin.errors import DataError
from aat_plugin.parsing.cleaning import TOP
from aat_plugin.parsing.linearise import UNNAMED_TAG, Kind, Linearisation
from aat_plugin.parsing.trees import Tree

FALLBACK_LABEL = "S"


class Rebuilt(NamedTuple):
    """A tree, and what had to be done for it."""

    tree: Tree
    """Under TOP, over exactly the sentence's words."""
    repairs: Counter[str]
    """How often each rule of `repair_rules.RULES` was used; empty for a well-formed output."""

    @property
    def malformed(self) -> bool:
        """Whether any rule was used."""
        return bool(self.repairs)


def rebuild(
    linearisation: Linearisation,
    symbols: Sequence[str],
    words: Sequence[str],
    tags: Sequence[str] | None = None,
    *,
    ended: bool = True,
) -> Rebuilt:
    """The tree that symbols say over words, mended where they say none.

    Args:
        linearisation: how trees are said.
        symbols: what a model said, without the end symbol.
        words: the sentence.
        tags: the words' tags, for what says none itself; XX where not given.
        ended: whether the end symbol was said; "cut-off" is counted otherwise.

    Raises:
        DataError: a sentence without words, or not one tag a word.
    """
    if not words:
        raise DataError("a sentence without words has no tree; leave blank lines out")
    if tags is not None and len(tags) != len(words):
        raise DataError(f"{len(words)} words have {len(tags)} tags: {' '.join(words)[:60]!r}")
    builder = _Builder(linearisation, words, tags)
    if not ended:
        builder.repairs["cut-off"] += 1
    for symbol in symbols:
        builder.take(symbol)
    return Rebuilt(builder.finish(), builder.repairs)


class _Builder:
    """The open brackets, TOP first, and the words used so far."""

    def __init__(self, linearisation: Linearisation, words: Sequence[str], tags: Sequence[str] | None) -> None:
        self.linearisation, self.words = linearisation, words
        self.tags = tags if tags is not None else [UNNAMED_TAG] * len(words)
        self.top = Tree(TOP)
        self.open = [self.top]
        self.used = 0
        self.repairs: Counter[str] = Counter()

    def take(self, symbol: str) -> None:
        """Go on by one symbol."""
        kind, text = self.linearisation.read(symbol)
        if kind is Kind.LEAF:
            if self.used < len(self.words):
                self._use_word(self.open[-1], text if self.linearisation.says_tags else self.tags[self.used])
            else:
                self.repairs["surplus-leaf"] += 1
        elif kind is Kind.OPENER:
            node = Tree(text)
            self.open[-1].children.append(node)
            self.open.append(node)
        elif kind is Kind.CLOSER:
            self._take_closer(text)
        else:
            self.repairs["unknown-symbol"] += 1

    def _take_closer(self, label: str) -> None:
        if len(self.open) == 1:
            self._close_nothing(label)
        elif self.open[-1].label == label:
            self._close()
        elif any(node.label == label for node in self.open[1:]):
            while self.open[-1].label != label:
                self.repairs["missing-closer"] += 1
                self._close()
            self._close()
        else:
            self.repairs["wrong-closer"] += 1
            self._close()

    def _close_nothing(self, label: str) -> None:
        parts = self.top.children
        if not parts or (len(parts) == 1 and parts[0].word is None):
            self.repairs["surplus-closer"] += 1
        else:
            self.repairs["missing-opener"] += 1
            self.top.children = [Tree(label, parts)]

    def _close(self) -> None:
        """Close the innermost bracket; one without words goes."""
        if not self.open.pop().children:
            self.repairs["empty-bracket"] += 1
            self.open[-1].children.pop()

    def _use_word(self, parent: Tree, tag: str) -> None:
        parent.children.append(Tree.leaf(tag, self.words[self.used]))
        self.used += 1

    def finish(self) -> Tree:
        """Place the words that are left and close what is open."""
        if self.used == 0:
            self.repairs["flat"] += 1
            leaves = map(Tree.leaf, self.tags, self.words)
            return Tree(TOP, [Tree(FALLBACK_LABEL, list(leaves))])
        parts = self.top.children
        parent = self.top
        if len(self.open) > 1:
            parent = self.open[1]
        elif len(parts) == 1 and parts[0].word is None:
            parent = parts[0]
        # Closing comes first: an open bracket without words goes before words come to stand behind it.
        while len(self.open) > 1:
            self.repairs["unclosed"] += 1
            self._close()
        if not parent.children:
            parent = self.top
        while self.used < len(self.words):
            self.repairs["missing-leaf"] += 1
            self._use_word(parent, self.tags[self.used])
        return self.top
