"""To and from `nltk.Tree`, for drawing and exchange.

nltk is imported only here, only when asked, and need not be installed: it takes half a second to import and reads a few
thousand trees a second.
"""

from __future__ import annotations

from typing import Any

from aat_plugin.errors import DataError
from aat_plugin.parsing.trees import Tree


def to_nltk(tree: Tree) -> Any:
    """The same as an `nltk.Tree`, for drawing and exchange; nltk is imported here and need not be installed.

    Raises:
        DataError: nltk is not installed.
    """
    nltk_tree = _nltk_tree()
    built: dict[int, Any] = {}
    for node in reversed(list(tree.preorder())):
        parts = [node.word] if node.word is not None else [built.pop(id(child)) for child in node.children]
        built[id(node)] = nltk_tree(node.label, parts)
    return built[id(tree)]


def from_nltk(tree: Any) -> Tree:
    """The tree that an `nltk.Tree` stands for.

    Raises:
        DataError: a word without a tag of its own.
    """
    root = Tree(tree.label())
    stack = [(tree, root)]
    while stack:
        source, node = stack.pop()
        parts = list(source)
        if len(parts) == 1 and isinstance(parts[0], str):
            node.word = parts[0]
            continue
        if not parts or any(isinstance(part, str) for part in parts):
            raise DataError(f"the nltk tree's node {source.label()!r} is empty or has a word beside other parts")
        node.children = [Tree(part.label()) for part in parts]
        stack.extend(zip(parts, node.children, strict=True))
    return root


def _nltk_tree() -> Any:
    try:
        from nltk import Tree as NltkTree
    except ImportError:
        raise DataError("nltk is not installed, and only the exchange with it needs it: pip install nltk") from None
    return NltkTree
