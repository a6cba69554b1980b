"""Do heads follow phrase structure (Figure 5)? The share of each head's attention inside the smallest gold constituent.

A word's constituent is the smallest bracket of two words or more around it; a word whose smallest one is the whole
sentence tells nothing and is left out. Two baselines: attention spread evenly over the sentence, and the same head's
attention in a random span of as many words around the word, which forgives a head nothing for being local. A head
follows structure where it beats the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aat_plugin.errors import DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.results.charts import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor

    from aat_plugin.parsing.trees import Tree

Reader = Callable[[Sequence[str]], tuple["Tensor", list[int]]]
"""Words → weights (layers, heads, src_len, src_len), and the word of each token; `AttentionReader.encoder_weights`."""


@dataclass(frozen=True)
class Shares:
    """Means over all words that tell something.

    Attributes:
        inside: (layers, heads), the share of a head's attention inside the word's constituent.
        random_span: (layers, heads), inside a random span of as many words around the word.
        even: of attention spread evenly.
        words, sentences: that were counted.
    """

    inside: NDArray[Any]
    random_span: NDArray[Any]
    even: float
    words: int
    sentences: int

    def to_json(self) -> dict[str, Any]:
        """For `--json` and reports."""
        return {"inside": self.inside.tolist(), "random_span": self.random_span.tolist(), "even": self.even,
                "words": self.words, "sentences": self.sentences}  # fmt: skip

    def best(self) -> tuple[int, int]:
        """The layer and head, from 1, that is furthest above its random span."""
        import numpy as np

        layer, head = np.unravel_index(int((self.inside - self.random_span).argmax()), self.inside.shape)
        return int(layer) + 1, int(head) + 1


def smallest(tree: Tree) -> list[tuple[int, int] | None]:
    """For each word the smallest bracket of two words or more around it, as (first, behind the last) word.

    Args:
        tree: a cleaned one.

    Returns:
        None for a word whose smallest one is the whole sentence.
    """
    num_words = len(tree.words())
    found: list[tuple[int, int] | None] = [None] * num_words
    stack: list[tuple[Tree, int]] = [(tree, 0)]
    while stack:  # a bracket before its parts, so that a smaller one replaces a larger
        node, start = stack.pop()
        width = 1 if node.word is not None else len(node.words())
        if 2 <= width < num_words:
            found[start : start + width] = [(start, start + width)] * width
        for child in node.children:
            stack.append((child, start))
            start += 1 if child.word is not None else len(child.words())
    return found


def shares(trees: Iterable[Tree], read: Reader, longest: int) -> Shares:
    """Count over a treebank.

    Args:
        trees: gold ones, as they stand in their files.
        read: gives a sentence's weights.
        longest: sentences of more tokens are passed over.

    Raises:
        DataError: there is no word to count.
    """
    import numpy as np

    inside = placed = None
    even, words, sentences = 0.0, 0, 0
    for tree in trees:
        cleaned = clean(tree)
        if cleaned is None:
            continue
        brackets = smallest(cleaned)
        weights, owners = read(cleaned.words())
        if len(owners) > longest or not any(brackets):
            continue
        per_word = _by_word(weights.numpy(), owners, len(brackets))
        sentences += 1
        sums = np.concatenate([np.zeros((*per_word.shape[:3], 1)), per_word.cumsum(axis=-1)], axis=-1)
        counts = np.bincount([owner for owner in owners if owner >= 0], minlength=len(brackets))
        for word, bracket in enumerate(brackets):
            if bracket is None or not counts[word]:
                continue
            start, end = bracket
            row = sums[:, :, word]
            width = end - start
            starts = np.arange(max(0, word - width + 1), min(word, len(brackets) - width) + 1)
            here, there = row[..., end] - row[..., start], (row[..., starts + width] - row[..., starts]).mean(axis=-1)
            inside, placed = (here, there) if inside is None or placed is None else (inside + here, placed + there)
            even += counts[start:end].sum() / len(owners)
            words += 1
    if inside is None or placed is None:
        raise DataError("no word of these trees lies in a constituent smaller than its sentence; give a treebank")
    return Shares(inside / words, placed / words, even / words, words, sentences)


def _by_word(weights: NDArray[Any], owners: Sequence[int], num_words: int) -> NDArray[Any]:
    """(layers, heads, words, words): from a word, the mean of its tokens; to a word, the sum over its tokens."""
    import numpy as np

    belongs = np.zeros((len(owners), num_words))
    for token, owner in enumerate(owners):
        if owner >= 0:
            belongs[token, owner] = 1.0
    mean = belongs / np.maximum(belongs.sum(axis=0), 1.0)
    by_word: NDArray[Any] = mean.T @ (weights @ belongs)
    return by_word


def picture(found: Shares) -> Picture:
    """How far each head is above its random span, in points of a hundred."""
    layers, heads = found.inside.shape

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        gain = 100 * (found.inside - found.random_span)
        bound = max(abs(gain).max(), 1.0)
        shown = axes.imshow(gain, cmap="RdBu", vmin=-bound, vmax=bound)
        for layer in range(layers):
            for head in range(heads):
                dark = abs(gain[layer, head]) > 0.6 * bound
                axes.text(head, layer, f"{100 * found.inside[layer, head]:.0f}", ha="center", va="center", fontsize=7,
                          color="white" if dark else "black")  # fmt: skip
        axes.set(xticks=range(heads), xticklabels=range(1, heads + 1), yticks=range(layers), xlabel="head",
                 yticklabels=range(1, layers + 1), ylabel="layer")  # fmt: skip
        figure.colorbar(shown, label="points above random", shrink=0.9)

    layer, head = found.best()
    return Picture(
        draw,
        f"Percent of each head's attention inside the smallest gold constituent, over {found.words} words; evenly "
        f"spread attention would have {100 * found.even:.1f}. Layer {layer}, head {head} is furthest above a random "
        f"span: {100 * found.inside[layer - 1, head - 1]:.1f} against "
        f"{100 * found.random_span[layer - 1, head - 1]:.1f}.",
        size=(0.55 * heads + 2.2, 0.5 * layers + 1.2),
    )
