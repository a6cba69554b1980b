"""Two translators that learn no grammar, to be printed beside the model: copying, and a word-for-word dictionary.

The dictionary is made from the training pairs alone: IBM Model 1 (Brown et al. 1993) aligns their words, and each
source word is then always given the translation that it was aligned with most often, in the source's order. What is
missing from 100 BLEU is what the Transformer must learn: order, agreement, case, compounds. Read `run` next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

Pairs = Sequence[tuple[Sequence[str], Sequence[str]]]


def copy(sources: Iterable[str]) -> list[str]:
    """The sources themselves, as translations."""
    return list(sources)


def word_for_word(sources: Iterable[str], dictionary: Mapping[str, str]) -> list[str]:
    """Each word replaced by its entry, in place; a word without an entry is copied."""
    return [" ".join(dictionary.get(word, word) for word in source.split()) for source in sources]


def dictionary(sources: Sequence[str], targets: Sequence[str], rounds: int = 5) -> dict[str, str]:
    """The most frequent aligned translation of each source word.

    Args:
        sources, targets: sentence pairs, words separated by blanks.
        rounds: of expectation maximisation.

    Returns:
        source word → target word. Ties go to the first in the alphabet.
    """
    pairs = [(source.split(), target.split()) for source, target in zip(sources, targets, strict=True)]
    likely = align(pairs, rounds)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for source, target in pairs:
        for word in target:
            counts[max(source, key=lambda known: (likely[known].get(word, 0.0), known))][word] += 1
    return {word: min(found, key=lambda one: (-found[one], one)) for word, found in counts.items()}


def align(pairs: Pairs, rounds: int) -> dict[str, dict[str, float]]:
    """IBM Model 1 without its empty word: source word → target word → t(target | source).

    Each round distributes every target word over its sentence's source words in proportion to t, then renormalises.
    """
    likely: dict[str, dict[str, float]] = defaultdict(dict)
    for source, target in pairs:
        for known in source:
            likely[known].update(dict.fromkeys(target, 1.0))
    for _ in range(rounds):
        expected: dict[str, dict[str, float]] = {known: dict.fromkeys(row, 0.0) for known, row in likely.items()}
        for source, target in pairs:
            for word in target:
                total = sum(likely[known][word] for known in source)
                for known in source:
                    expected[known][word] += likely[known][word] / total
        for known, row in expected.items():
            mass = sum(row.values())
            likely[known] = {word: count / mass for word, count in row.items()}
    return likely
