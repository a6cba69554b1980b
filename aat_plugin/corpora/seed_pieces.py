"""Strings that word-pieces are chosen from: those that words hold most often, counted with the words' counts.

sentencepiece finds such candidates in running text by a suffix array, each occurrence once. From a list of words with
counts it would count words, not occurrences, and miss most whole words; so they are found here. Like its own they begin
anywhere and may be followed by more than one thing (`▁Regierun` is always `▁Regierung`, so only the latter counts), and
are ranked by occurrences times length. Read `wordpiece` next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST = 16
"""Characters of a piece, as sentencepiece has it."""
_Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def seed_pieces(words: Sequence[tuple[str, int]], most: int, longest: int = LONGEST) -> list[tuple[str, int]]:
    """The strings of two characters and more, in words, with the highest occurrences × length.

    Args:
        words: (word, count), each word once.
        most: how many strings are wanted.
        longest: characters of a string.

    Returns:
        (string, occurrences) from the highest on; equals in the order of their characters. None that occurs once.
    """
    text = "".join(word for word, _ in words)
    characters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    lengths = np.array([len(word) for word, _ in words], dtype=np.int64)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(text))  # characters up to the word's end
    weights = np.repeat(np.array([count for _, count in words], dtype=np.int64), lengths)
    made = [(-count * length, text[start : start + length], count)
            for length, found in enumerate(_by_length(characters, left, weights, longest), 2)
            for start, count in zip(*_best(found, most), strict=True)]  # fmt: skip
    return [(piece, count) for _, piece, count in sorted(made)[:most]]


def _by_length(
    characters: NDArray[np.uint32], left: NDArray[np.int64], weights: NDArray[np.int64], longest: int
) -> Iterator[_Found]:
    """For each length from 2 on: where a string is first, how often it occurs, and how often its commonest longer one.

    Strings of one character more are numbered by (number of the string, next character), so that equal ones meet in one
    sort; a string that occurs once is not followed further.
    """
    kinds, numbers = np.unique(characters, return_inverse=True)
    following = numbers.astype(np.int64)
    places = np.flatnonzero(left >= 2)
    numbers, found = following[places], None
    for length in range(2, longest + 2):
        keys = numbers * len(kinds) + following[places + length - 1]
        distinct, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
        counts = np.bincount(numbers, weights=weights[places], minlength=len(distinct)).astype(np.int64)
        if found is not None:
            np.maximum.at(found[2], distinct // len(kinds), counts)
            yield found
        found = (places[first], counts, np.zeros(len(distinct), dtype=np.int64))
        again = (counts[numbers] > 1) & (left[places] > length)
        places, numbers = places[again], numbers[again]


def _best(found: _Found, most: int) -> tuple[list[int], list[int]]:
    """Those that are followed by more than one thing: at most `most`, and all that equal the last of them."""
    starts, counts, longer = found
    kept = np.flatnonzero((counts > 1) & (longer < counts))
    if len(kept) > most:
        limit = np.partition(counts[kept], len(kept) - most)[len(kept) - most]
        kept = kept[counts[kept] >= limit]
    return starts[kept].tolist(), counts[kept].tolist()
