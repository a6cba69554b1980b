"""Where two files of one language part."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.translation.pairing import first_shifted

GENERATOR = random.Random(3)
WORDS = [first + vowel + last for first in "bdgklm" for vowel in "aeiou" for last in "nrst"]
REFERENCES = [" ".join(GENERATOR.choices(WORDS, k=GENERATOR.randint(4, 12))) for _ in range(40)]
HYPOTHESES = [" ".join(word if GENERATOR.random() < 0.7 else "x" for word in line.split()) for line in REFERENCES]


@pytest.mark.parametrize("place", [0, 1, 17, 35])
def test_a_surplus_line_is_found(place):
    longer = [*HYPOTHESES[:place], "y y y y", *HYPOTHESES[place:]]
    assert first_shifted(longer, REFERENCES) == place + 1


def test_a_missing_line_is_found_in_the_other_file():
    assert first_shifted(REFERENCES, [*HYPOTHESES[:20], *HYPOTHESES[21:]]) == 21


def test_lines_missing_at_the_end_leave_no_shift():
    assert first_shifted(REFERENCES, HYPOTHESES[:30]) is None


@given(st.lists(st.text(max_size=6), max_size=9), st.lists(st.text(max_size=6), max_size=5))
def test_any_lines_give_a_line_of_the_longer_file_or_none(longer, shorter):
    found = first_shifted(longer, shorter)
    assert found is None or 1 <= found <= len(longer)
