"""Trees as a parser learns them: without traces, function tags and whatever a treebank wraps around a sentence.

Section 6.3 says nothing of it; the Penn Treebank's users have always done so before training and scoring. Read
`linearise` next.
"""

from __future__ import annotations

from aat_plugin.parsing.trees import Tree

TOP = "TOP"
WRAPPERS = frozenset({TOP, "ROOT", "S1", ""})
"""Labels of a bracket around the whole sentence that says nothing."""

TRACE = "-NONE-"


def clean(tree: Tree, *, traces: bool = True, functions: bool = True, top: str = TOP) -> Tree | None:
    """A cleaned copy under one wrapper, so that `( (S …))`, `(TOP (S …))`, `(ROOT (S …))` and `(S …)` become one.

    Args:
        tree: as read.
        traces: leave out words tagged -NONE-, and the brackets that then hold nothing.
        functions: cut labels at their first - or =, as in NP-SBJ-1 and NP=2; tags and -LRB- stay.
        top: the wrapper's label.

    Returns:
        `(top …)` around the sentence's brackets; None where nothing but traces was there. Inner brackets without a
        label are taken out, their parts stay.
    """
    root = Tree(top)
    # Each bracket to visit with the copy that takes its parts; copies left empty are taken out at the end.
    stack: list[tuple[Tree, Tree]] = [(part, root) for part in reversed(_inside(tree))]
    while stack:
        node, parent = stack.pop()
        if node.word is not None:
            if not (traces and node.label == TRACE):
                parent.children.append(Tree.leaf(node.label, node.word))
            continue
        target = parent
        if node.label:
            target = Tree(strip_function(node.label) if functions else node.label)
            parent.children.append(target)
        stack.extend((part, target) for part in reversed(node.children))
    _drop_empty(root)
    return root if root.children else None


def _inside(tree: Tree) -> list[Tree]:
    """What stands inside the wrapper, or inside wrappers that hold one another."""
    parts = [tree]
    while len(parts) == 1 and parts[0].word is None and parts[0].label in WRAPPERS:
        parts = list(parts[0].children)
    return parts


def _drop_empty(root: Tree) -> None:
    """Take out brackets that hold no word, from the innermost on."""
    for node in reversed(list(root.preorder())):
        if node.word is None:
            node.children = [part for part in node.children if part.word is not None or part.children]


def strip_function(label: str) -> str:
    """The label before its first - or =: NP of NP-SBJ-1; a label that begins with one, such as -LRB-, stays."""
    for place, letter in enumerate(label):
        if letter in "-=":
            return label[:place] if place else label
    return label
