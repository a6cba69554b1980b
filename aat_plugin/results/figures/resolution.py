"""Section 3.2.2 as a picture: one head that needs two words gets their average; two heads get both.

Worked by hand like `worked_example`, and beside it what Table 3 published for 1 to 32 heads (rows A and base).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aat_plugin.results.charts import Picture, colour
from aat_plugin.results.table3 import BY_NAME

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

WORDS = ("our", "aunt", "calls", "our", "girl")
VERB = 2
"""The word that asks: who calls, and whom?"""
WANTED = {"subject": 1, "object": 4}
SHARP = 12.0
"""A score that is so much above the others takes nearly all of the weight."""
ROWS = ("A1", "A2", "base", "A3", "A4")


def found(*asked: str) -> tuple[Tensor, Tensor]:
    """What a head finds that looks for some of `WANTED` with the same score.

    Each word's value is its own place's unit vector, so that the mixture shows who is in it.

    Returns:
        The mixture (words,) and the weights (words,).
    """
    import torch

    from aat_plugin.architecture.attention import scaled_dot_product_attention

    number = len(WORDS)
    key = torch.zeros(number, 1, dtype=torch.float64)
    key[[WANTED[one] for one in asked]] = SHARP
    query = torch.ones(1, 1, dtype=torch.float64)
    value = torch.eye(number, dtype=torch.float64)
    mixed, weights = scaled_dot_product_attention(query[None, None], key[None, None], value[None, None], None)
    return mixed[0, 0, 0], weights[0, 0, 0]


def resolution() -> Picture:
    """One head beside two, and the published scores."""
    heads = {"one head": found(*WANTED), **{f"head for the {one}": found(one) for one in WANTED}}

    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(3, 2, width_ratios=(3, 2))
        for index, (name, (mixed, _)) in enumerate(heads.items()):
            axes = figure.add_subplot(grid[index, 0])
            axes.bar(range(len(WORDS)), mixed.tolist(), color=colour(0 if index == 0 else index + 1))
            axes.set(ylim=(0, 1.05), yticks=(0, 0.5, 1))
            axes.set_title(name, fontsize="small")
            axes.set_xticks(range(len(WORDS)), WORDS if index == 2 else [""] * len(WORDS))
        axes = figure.add_subplot(grid[:, 1])
        heads_and_bleu = [(BY_NAME[row].sizes.num_heads, BY_NAME[row].bleu) for row in ROWS]
        axes.plot(*zip(*heads_and_bleu, strict=True), color=colour(0), marker="o")
        axes.set(xscale="log", xlabel="heads", title="published (Table 3, A)", ylabel="BLEU, newstest2013")
        axes.title.set_fontsize("small")
        axes.set_xticks([heads for heads, _ in heads_and_bleu], [str(heads) for heads, _ in heads_and_bleu])
        axes.minorticks_off()

    both = heads["one head"][0]
    scores = ", ".join(f"{BY_NAME[row].bleu} with {BY_NAME[row].sizes.num_heads}" for row in ROWS)
    return Picture(
        draw,
        f"The verb looks for its subject and its object. One head gets half of each: {both[1]:.2f} {WORDS[1]} and "
        f"{both[4]:.2f} {WORDS[4]}; two heads get one word each, whole. Published BLEU by number of heads: {scores}.",
        size=(6.8, 3.4),
    )
