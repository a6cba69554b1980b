"""What word-pieces are chosen from: restated in plain Python, for any words."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora.seed_pieces import seed_pieces


def restated(words, most, longest):
    occurrences = Counter()
    for word, count in words:
        for begin in range(len(word)):
            for end in range(begin + 2, min(len(word), begin + longest + 1) + 1):
                occurrences[word[begin:end]] += count
    longer = Counter()
    for string, count in occurrences.items():
        longer[string[:-1]] = max(longer[string[:-1]], count)
    kept = [(string, count) for string, count in occurrences.items()
            if count > 1 and longer[string] < count and len(string) <= longest]  # fmt: skip
    return sorted(kept, key=lambda one: (-one[1] * len(one[0]), one[0]))[:most]


WORDS = st.dictionaries(st.text("ab▁é中", min_size=1, max_size=7), st.integers(1, 9), min_size=1, max_size=30)


@settings(max_examples=300, deadline=None)
@given(WORDS, st.integers(1, 60), st.integers(2, 6))
def test_the_strings_that_occur_most_restated(found, most, longest):
    words = list(found.items())
    assert seed_pieces(words, most, longest) == restated(words, most, longest)


@given(WORDS)
def test_a_counted_word_is_so_many_words(found):
    """Counts weigh as the words written out would, which sentencepiece's own search for candidates does not see to."""
    written_out = [(word, 1) for word, count in found.items() for _ in range(count)]
    assert seed_pieces(list(found.items()), 100) == seed_pieces(written_out, 100)


def test_a_word_is_a_candidate_and_what_always_goes_on_alike_is_none():
    found = dict(seed_pieces([("▁einem", 3), ("▁einen", 2), ("▁eis", 1)], 100))
    assert found["▁einem"] == 3
    assert found["▁eine"] == 5
    assert found["▁ei"] == 6
    assert "▁ein" not in found
    assert "▁eis" not in found
