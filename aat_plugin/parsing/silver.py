"""Silver trees: the sentences on which two parsers agree, drawn again so that their lengths are those of gold trees.

Section 6.3 trains its second parser on about 17 million such sentences, which are private; Vinyals et al. (2015) say
how they were made: parsed by two parsers, kept where both gave the same tree, and resampled by length, because
parsers agree on short sentences above all. Two passes over both files, one sentence in memory at a time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.trees import Tree, to_line

BIN = 5
"""Words a length class is wide: few enough that counts of long sentences are not noise."""

Pairs = Callable[[], Iterable[tuple[Tree | None, Tree | None]]]


@dataclass
class Agreement:
    """What two parsers made of the same sentences.

    Attributes:
        sentences: all of them.
        missing: those without a tree from both.
        agreed: those with the same tree.
        lengths: agreed sentences by length class.
        written: sentences drawn, repetitions included.
        different: different ones of these.
        capped: length classes that should have been repeated more often than allowed.
    """

    sentences: int = 0
    missing: int = 0
    agreed: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    written: int = 0
    different: int = 0
    capped: list[int] = field(default_factory=list)


def same_tree(one: Tree, other: Tree, *, tags: bool = False) -> bool:
    """Whether two cleaned trees agree: on words, brackets and labels, and on tags if asked for."""
    ours, theirs = one.preorder(), other.preorder()
    for a, b in zip_longest(ours, theirs):
        if a is None or b is None or a.word != b.word or len(a.children) != len(b.children):
            return False
        if a.label != b.label and (tags or a.word is None):
            return False
    return True


def agreed(pairs: Iterable[tuple[Tree | None, Tree | None]], counts: Agreement, *, tags: bool) -> Iterator[Tree]:
    """The cleaned trees on which both parsers agree, as the first has them.

    Args:
        pairs: the two parsers' trees of each sentence; None for a missing one.
        counts: is filled.
        tags: whether tags must be the same too.

    Raises:
        DataError: the words of a pair differ: the files are not of the same sentences.
    """
    for number, (first, second) in enumerate(pairs, start=1):
        counts.sentences += 1
        ours, theirs = (None if tree is None else clean(tree) for tree in (first, second))
        if ours is None or theirs is None:
            counts.missing += 1
            continue
        if ours.words() != theirs.words():
            raise DataError(
                f"sentence {number} is {' '.join(ours.words())[:60]!r} in one file and "
                f"{' '.join(theirs.words())[:60]!r} in the other; give two parses of the same sentences, line by line"
            )
        if same_tree(ours, theirs, tags=tags):
            counts.agreed += 1
            yield ours


def length_class(num_words: int) -> int:
    """Which class a sentence of so many words is in."""
    return (num_words - 1) // BIN


def draw(
    pairs: Pairs, gold: Iterable[Tree], *, size: int | None, most: int, seed: int, tags: bool
) -> tuple[Iterator[str], Agreement]:
    """Silver trees with the gold trees' lengths.

    Args:
        pairs: opens both files anew; it is called twice.
        gold: trees with the lengths that are wanted.
        size: sentences wanted; None for as many as the parsers agree on.
        most: how often a sentence may be repeated.
        seed: of the draw.
        tags: whether tags must be the same too.

    Returns:
        The trees, one a line, and the counts, complete when the trees are through.

    Raises:
        ConfigError: `most` or `size` is below 1.
        DataError: the parsers agree nowhere, or not where gold trees are; see also `agreed`.
    """
    if most < 1 or (size is not None and size < 1):
        raise ConfigError(f"--max-copies {most} and --size {size} must be at least 1")
    first = Agreement()
    for tree in agreed(pairs(), first, tags=tags):
        first.lengths[length_class(len(tree.words()))] += 1
    wanted = Counter(length_class(len(tree.words())) for tree in gold)
    shared = sum(wanted[one] for one in first.lengths)
    if not shared:
        raise DataError(f"the parsers agree on {first.agreed} of {first.sentences} sentences, on none of a gold tree's "
                        "length; give more sentences")
    goal = first.agreed if size is None else size
    rates = {one: goal * wanted[one] / shared / count for one, count in first.lengths.items()}
    result = Agreement(capped=sorted(one for one, rate in rates.items() if rate > most))
    return _drawn(pairs, result, {one: min(rate, most) for one, rate in rates.items()}, seed, tags), result


def _drawn(pairs: Pairs, counts: Agreement, rates: Mapping[int, float], seed: int, tags: bool) -> Iterator[str]:
    """Each agreed tree as often as its class's rate says: its whole part always, the rest by chance."""
    chance = random.Random(seed)  # noqa: S311 - a draw, no secret
    for tree in agreed(pairs(), counts, tags=tags):
        one = length_class(len(tree.words()))
        counts.lengths[one] += 1
        copies = int(rates[one] + chance.random())
        counts.different += copies > 0
        counts.written += copies
        for _ in range(copies):
            yield to_line(tree)
