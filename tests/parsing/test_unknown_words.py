"""Classes of unknown words, and the vocabulary that they are outside of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.parsing.unknown_words import PREFIX, replace_unknown, unknown_class, vocabulary


@pytest.mark.parametrize(("word", "first", "expected"), [
    ("running", False, "UNK-LC-ing"), ("Running", False, "UNK-INITC-ing"), ("Running", True, "UNK-INITC-FIRST-ing"),
    ("Dogs", True, "UNK-INITC-KNOWNLC"), ("NATO", False, "UNK-CAPS"), ("iPhones", False, "UNK-MIXED-s"),
    ("1,000", False, "UNK-NUM"), ("well-known", False, "UNK-LC-DASH"), ("B-52", False, "UNK-CAPS-NUM-DASH"),
    ("nation", False, "UNK-LC-ion"), ("bus", False, "UNK-LC"), ("glass", False, "UNK-LC"), ("%", False, "UNK"),
    ("cities", False, "UNK-LC-s"), ("reality", False, "UNK-LC-ity"), ("éa", False, "UNK-LC"),
])
def test_what_can_be_seen_of_a_word_names_its_class(word, first, expected):
    assert unknown_class(word, first, known={"dogs"}) == expected


@given(st.text(alphabet=st.characters(blacklist_categories=("Z", "C")), min_size=1), st.booleans())
def test_every_word_has_a_class_and_classes_are_few(word, first):
    name = unknown_class(word, first)
    assert name.startswith(PREFIX)
    assert set(name.split("-")[1:]) <= {"CAPS", "INITC", "FIRST", "MIXED", "LC", "NUM", "DASH", "ed", "ing", "ion",
                                        "ity", "ly", "est", "er", "al", "y", "s"}


def test_the_vocabulary_is_the_most_frequent_words_and_the_others_become_classes():
    counts = {"the": 9, "dog": 3, "barks": 3, "once": 1}
    assert vocabulary(counts, 3) == {"the", "dog", "barks"}
    assert vocabulary(counts, 2) == {"the", "barks"}  # ties by the alphabet, so that a rerun is the same
    assert vocabulary(counts, 9, at_least=2) == {"the", "dog", "barks"}
    assert replace_unknown(["The", "dog"], frozenset()) == ["The", "dog"]
    assert replace_unknown(["The", "dog", "ran"], {"the", "dog"}) == ["UNK-INITC-KNOWNLC", "dog", "UNK-LC"]
