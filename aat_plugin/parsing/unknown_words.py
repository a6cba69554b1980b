"""Words outside a vocabulary, by what can be seen of them: capitals, digits, hyphens, endings (ours, as an option).

Section 6.3 only says that the vocabulary has 16 thousand entries. The classes are in the manner of the chart parsers
(Petrov et al. 2006): `UNK-INITC-ing` says more than one unknown word for all. Subwords need none of it. Read
`vocabulary` for the words that are known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

PREFIX = "UNK"

# The longest ending that fits; short words have none.
_ENDINGS = ("ed", "ing", "ion", "ity", "ly", "est", "er", "al", "y", "s")
_SHORTEST = 5


def unknown_class(word: str, first: bool, known: Collection[str] = ()) -> str:
    """The class of a word that is not in the vocabulary.

    Args:
        word: the word.
        first: whether it begins its sentence, where a capital says little.
        known: the vocabulary; a capitalised first word that is known in lower case is told apart.
    """
    name = PREFIX
    letters = [letter for letter in word if letter.isalpha()]
    if any(letter.isupper() for letter in letters):
        if not any(letter.islower() for letter in letters):
            name += "-CAPS"
        elif word[0].isupper():
            name += "-INITC"
            if first:
                name += "-KNOWNLC" if word.lower() in known else "-FIRST"
        else:
            name += "-MIXED"
    elif letters:
        name += "-LC"
    if any(letter.isdigit() for letter in word):
        name += "-NUM"
    if "-" in word:
        name += "-DASH"
    return name + _ending(word.lower())


def _ending(word: str) -> str:
    if len(word) < _SHORTEST or not word[-1].isalpha() or re.search(r"(ss|us|is)$", word):
        return ""
    return next((f"-{ending}" for ending in sorted(_ENDINGS, key=len, reverse=True) if word.endswith(ending)), "")


def vocabulary(counts: Mapping[str, int], size: int, at_least: int = 1) -> frozenset[str]:
    """The most frequent words.

    Args:
        counts: words and how often each occurs in training.
        size: how many to keep at most.
        at_least: rarer words go too; 2 teaches a model what an unknown word is, from the words that occur once.
    """
    ranked = sorted(Counter(counts).items(), key=lambda pair: (-pair[1], pair[0]))[:size]
    return frozenset(word for word, count in ranked if count >= at_least)


def replace_unknown(words: list[str], known: Collection[str]) -> list[str]:
    """A sentence with each unknown word as its class; as it is where no word is known."""
    if not known:
        return words
    return [word if word in known else unknown_class(word, place == 0, known) for place, word in enumerate(words)]
