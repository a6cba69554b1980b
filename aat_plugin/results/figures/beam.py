"""Section 6.1 as a picture: a beam search over a model of a few words, so small that it can be followed by hand.

The model is a table of probabilities; the search is `translation.beam_search`, and what is drawn is what it asked the
table for and what it returned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aat_plugin.errors import ConfigError
from aat_plugin.results.charts import Picture, colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from aat_plugin.translation.search_options import Hypothesis, NextScores

WORDS = ("<pad>", "</s>", "<unk>", "das", "ein", "Mädchen", "Tier", "lacht", "schläft")
TABLE: Mapping[tuple[str, ...], Mapping[str, float]] = {
    (): {"das": 0.6, "ein": 0.4},
    ("das",): {"Mädchen": 0.55, "Tier": 0.45},
    ("ein",): {"Mädchen": 0.9, "Tier": 0.1},
    ("das", "Mädchen"): {"lacht": 0.6, "schläft": 0.4},
    ("das", "Tier"): {"lacht": 0.4, "schläft": 0.6},
    ("ein", "Mädchen"): {"lacht": 0.9, "schläft": 0.1},
    ("ein", "Tier"): {"lacht": 0.4, "schläft": 0.6},
}
"""What was said → next word → probability; two words and a verb, then the end."""
LONGEST = 3


class Table:
    """`NextTokens` over `TABLE`; `asked` keeps the hypotheses that were open at each step."""

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, ...]]] = []

    def scores(self, tokens: Tensor) -> NextScores:
        """log P of the next word, (rows, words)."""
        import torch

        from aat_plugin.translation.search_options import NextScores

        said = [tuple(WORDS[number] for number in row[1:]) for row in tokens.tolist()]
        self.asked.append(said)
        rows = torch.full((len(said), len(WORDS)), -math.inf, dtype=torch.float64)
        for row, words in enumerate(said):
            for word, probability in TABLE.get(words, {"</s>": 1.0}).items():
                rows[row, WORDS.index(word)] = math.log(probability)
        return NextScores(rows)

    def reorder(self, rows: Tensor, sentences: Tensor | None) -> None:
        """There is no state: the words say it all."""


def search(beam: int, alpha: float = 0.6) -> tuple[list[Hypothesis], list[list[tuple[str, ...]]]]:
    """The finished hypotheses, best first, and those that were open at each step.

    Args:
        beam: how many stay open.
        alpha: of the paper's length penalty.

    Raises:
        ConfigError: a beam below 1.
    """
    import torch

    from aat_plugin.translation.beam_search import beam_search
    from aat_plugin.translation.search_options import SearchOptions

    options = SearchOptions(beam=beam, alpha=alpha, length_penalty="gnmt", stop_rule="bound", padding_idx=0, end_idx=1,
                            unk_idx=2, start_idx=1)  # fmt: skip
    table = Table()
    return beam_search(table, torch.tensor([LONGEST]), options)[0], table.asked


def words_of(hypothesis: Hypothesis) -> tuple[str, ...]:
    """Its words without the end symbol."""
    return tuple(WORDS[number] for number in hypothesis.tokens.tolist()[:-1])


def probability(said: tuple[str, ...]) -> float:
    """P of what was said so far."""
    return math.prod(TABLE[said[:place]][word] for place, word in enumerate(said))


def beam(width: int = 2) -> Picture:
    """All hypotheses as a tree: those that the search kept, and those that it dropped or never saw.

    Raises:
        ConfigError: a beam of 0, or one that keeps everything.
    """
    if not 1 <= width <= 4:
        raise ConfigError(f"beam={width}: the picture's tree has room for 1 to 4")
    results, asked = search(width)
    kept = {said for step in asked for said in step}
    best = words_of(results[0])

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        _tree(axes, kept, best)

    greedy = words_of(search(1)[0][0])
    return Picture(
        draw,
        f"Beam search with beam {width}: the hypotheses that stay open at each step are drawn dark. It ends with "
        f"“{' '.join(best)}”, P = {probability(best):.3f}; taking the likeliest word each time, beam 1, ends with "
        f"“{' '.join(greedy)}”, P = {probability(greedy):.3f}.",
        size=(7.0, 3.8),
    )


def _tree(axes: Axes, kept: set[tuple[str, ...]], best: tuple[str, ...]) -> None:
    """The table's hypotheses from left to right, a level a word."""
    places = _places()
    for said, (x, y) in places.items():
        on, winning = said in kept, said == best[: len(said)]
        ink = colour(0) if winning else "black" if on else "#999999"
        if said:
            left, above = places[said[:-1]]
            axes.plot([left + (0.3 if left else 0.12), x - 0.32], [above, y], color=ink, zorder=0,
                      linewidth=2.2 if winning else 1.2 if on else 0.6, linestyle="-" if on else ":")  # fmt: skip
        label = f"{said[-1]}  {probability(said):.3f}".rstrip("0") if said else "start"
        axes.text(x, y, label, ha="center", va="center", fontsize=8.5, color=ink,
                  fontweight="bold" if winning else "normal")  # fmt: skip
    axes.set(xlim=(-0.25, LONGEST + 0.4), ylim=(-0.6, max(y for _, y in places.values()) + 0.6))
    axes.axis("off")


def _places() -> dict[tuple[str, ...], tuple[float, float]]:
    """Hypothesis → (words said, height): leaves a line each from the top, others in the middle of what goes on."""
    leaves = sorted((*said, word) for said, after in TABLE.items() if len(said) == LONGEST - 1 for word in after)
    places = {leaf: (float(LONGEST), float(len(leaves) - 1 - index)) for index, leaf in enumerate(leaves)}
    for length in range(LONGEST - 1, -1, -1):
        for said, after in TABLE.items():
            if len(said) == length:
                heights = [places[*said, word][1] for word in after]
                places[said] = (float(length), sum(heights) / len(heights))
    return places
