"""Leave out pairs that are too long, too short or too unlike in length: what Moses' clean-corpus-n.perl leaves out.

Lengths are counted in what the model reads (subwords, where words are cut), as fairseq's recipes do it: these decide
memory and positions. Read `pairs` next, which does it to the training pairs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.corpora.blocks import Block, joined
from aat_plugin.corpora.pair_check import Pair
from aat_plugin.corpora.streams import Made, Run, transform


@dataclass(frozen=True)
class CleanBlock:
    """Work for `streams.transform`.

    Attributes:
        longest: tokens of either side at most; 0 for any number. A pair with an empty side never stays.
        ratio: how many times longer one side may be than the other; 0 for any.
    """

    longest: int
    ratio: float

    def __call__(self, block: Block) -> Made:
        """The pairs that stay; counts `kept` and, by the first reason that applies, what does not."""
        kept: tuple[list[str], list[str]] = [], []
        counts = {"kept": 0, "empty": 0, "too_long": 0, "too_unlike": 0, "source_tokens": 0, "target_tokens": 0}
        for lines in zip(block.texts(0), block.texts(1), strict=True):
            source, target = (len(line.split()) for line in lines)
            if reason := self._reason(source, target):
                counts[reason] += 1
                continue
            counts["kept"] += 1
            counts["source_tokens"] += source
            counts["target_tokens"] += target
            for side, line in zip(kept, lines, strict=True):
                side.append(line)
        return Made(tuple(map(joined, kept)), counts)

    def _reason(self, source: int, target: int) -> str:
        if not source or not target:
            return "empty"
        if self.longest and (source > self.longest or target > self.longest):
            return "too_long"
        # As Moses divides, so that the same pairs stay at a ratio such as 1.1 that has no exact number.
        if self.ratio and (source / target > self.ratio or target / source > self.ratio):
            return "too_unlike"
        return ""


def clean_pair(sources: Pair, targets: Pair, options: CleanBlock, run: Run, title: str) -> dict[str, int]:
    """Write the pairs that stay.

    Returns:
        `lines` that were read, `CleanBlock`'s counts.
    """
    return transform(sources, targets, options, run, title)
