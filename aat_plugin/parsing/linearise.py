"""Section 6.3: a tree as the line of symbols that a model learns to say, in one of three ways.

    (S (NP (DT a) (NN dog)) (VP (VBZ barks)))
    vinyals   (S (NP XX XX )NP (VP XX )VP )S        Vinyals et al. 2015, on which the paper builds: tags are not said
    tags      (S (NP DT NN )NP (VP VBZ )VP )S       the same with the tags said
    t2t       S NP DT NN /NP VP VBZ /VP /S          tensor2tensor's: bare labels, the tags said

The words are the source and are never said, nor is the wrapper TOP. `repair.rebuild` goes the other way; a tree that
`cleaning.clean` gave comes back as it was. Where labels and tags could be taken for one another, as in t2t, a
`Linearisation` is made from the treebank's own labels and tags, which it proves apart or else marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import IntEnum

from aat_plugin.errors import DataError, choose
from aat_plugin.parsing.trees import Tree

SCHEMES = ("vinyals", "tags", "t2t")
UNNAMED_TAG = "XX"
_MARK = "#"


class Kind(IntEnum):
    """What a symbol does."""

    OTHER = 0
    """Nothing: no symbol of this linearisation."""
    LEAF = 1
    """Stands for the next word."""
    OPENER = 2
    CLOSER = 3
    END = 4
    """The end of the sequence; the search's own, no linearisation has it."""


@dataclass(frozen=True)
class Linearisation:
    """One way to say trees; make it with `for_symbols` or `for_trees`.

    Attributes:
        scheme: "vinyals", "tags" or "t2t".
        labels: the labels, by which t2t's symbols are told apart.
        tags: the tags; without them, t2t says nothing, and in "tags" every word that is no bracket is a leaf.
        marked: t2t's tags are written #TAG, because a label or a closer looks like one of them.
    """

    scheme: str = "vinyals"
    labels: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    marked: bool = False

    @property
    def says_tags(self) -> bool:
        """Whether the model says the words' tags."""
        return self.scheme != "vinyals"

    def opener(self, label: str) -> str:
        """The symbol that opens a bracket."""
        return label if self.scheme == "t2t" else f"({label}"

    def closer(self, label: str) -> str:
        """The symbol that closes a bracket."""
        return f"/{label}" if self.scheme == "t2t" else f"){label}"

    def leaf(self, tag: str) -> str:
        """The symbol of a word."""
        if self.scheme == "vinyals":
            return UNNAMED_TAG
        return _MARK + tag if self.marked else tag

    def read(self, symbol: str) -> tuple[Kind, str]:
        """What a symbol does, and its label or tag ("XX" where tags are not said)."""
        if self.scheme == "t2t":
            return self._read_bare(symbol)
        if symbol[:1] in ("(", ")"):
            return (Kind.OPENER if symbol[0] == "(" else Kind.CLOSER), symbol[1:]
        if self.scheme == "vinyals":
            return (Kind.LEAF if symbol == UNNAMED_TAG else Kind.OTHER), symbol
        # fairseq's own symbols, <unk> above all, are written like this; no tag is.
        special = not symbol or (symbol[0] == "<" and symbol[-1] == ">")
        foreign = bool(self.tags) and symbol not in self.tags
        return (Kind.OTHER if special or foreign else Kind.LEAF), symbol

    def _read_bare(self, symbol: str) -> tuple[Kind, str]:
        tag = symbol.removeprefix(_MARK) if self.marked else symbol
        if tag in self.tags and symbol == self.leaf(tag):
            return Kind.LEAF, tag
        if symbol in self.labels:
            return Kind.OPENER, symbol
        if symbol.startswith("/") and symbol[1:] in self.labels:
            return Kind.CLOSER, symbol[1:]
        return Kind.OTHER, symbol

    def symbols(self, tree: Tree) -> list[str]:
        """The line for a tree under its wrapper, whose own label is not said.

        Args:
            tree: as `cleaning.clean` gives it.
        """
        said: list[str] = []
        stack: list[Tree | str] = [*reversed(tree.children)]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                said.append(self.closer(node))
            elif node.word is not None:
                said.append(self.leaf(node.label))
            else:
                said.append(self.opener(node.label))
                stack.append(node.label)
                stack.extend(reversed(node.children))
        return said


def for_symbols(scheme: str, labels: Iterable[str], tags: Iterable[str]) -> Linearisation:
    """A linearisation whose symbols are proved to be told apart for these labels and tags.

    Args:
        scheme: one of `SCHEMES`.
        labels: every label of the treebank's brackets.
        tags: every tag.

    Raises:
        ConfigError: an unknown scheme.
        DataError: the symbols cannot be told apart, not even with marked tags.
    """
    choose("linearisation", scheme, SCHEMES)
    known = frozenset(labels)
    if scheme != "t2t":
        # Brackets begin with ( and ), which no tag may hold: they are apart whatever the treebank.
        return Linearisation(scheme, known, frozenset(tags))
    for marked in (False, True):
        made = Linearisation(scheme, known, frozenset(tags), marked)
        if not _mistakable(made):
            return made
    raise DataError(
        f"t2t cannot tell these symbols apart in this treebank: {' '.join(sorted(_mistakable(made))[:5])}; "
        "use linearisation=tags, which says the same with brackets"
    )


def for_trees(scheme: str, trees: Iterable[Tree]) -> Linearisation:
    """As `for_symbols`, with what occurs in some trees, their wrappers' labels left out."""
    labels: set[str] = set()
    tags: set[str] = set()
    for tree in trees:
        for child in tree.children:
            for node in child.preorder():
                (labels if node.word is None else tags).add(node.label)
    return for_symbols(scheme, labels, tags)


def openers_in_a_row(trees: Iterable[Tree]) -> int:
    """The cap that trees teach constrained decoding: the most brackets that open with no word between, chains included.

    Args:
        trees: as `cleaning.clean` gives them; the wrapper does not count.
    """
    longest = 0
    for tree in trees:
        run = -1  # the wrapper is not said
        for node in tree.preorder():
            # Every bracket holds a word, so two that follow one another with no leaf between are nested.
            run = run + 1 if node.word is None else 0
            longest = max(longest, run)
    return longest


def _mistakable(made: Linearisation) -> Set[str]:
    """Symbols that have two meanings, or none that can be written."""
    openers = {made.opener(label) for label in made.labels}
    closers = {made.closer(label) for label in made.labels}
    leaves = {made.leaf(tag) for tag in made.tags}
    return (openers & closers) | (openers & leaves) | (closers & leaves) | ({"", "/"} & (openers | closers))
