"""Remembered words against sacremoses run on the whole line, which is the oracle: equal to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacremoses import MosesPunctNormalizer, MosesTokenizer

from aat_plugin.corpora import words
from aat_plugin.corpora.tokenise import Detokeniser, Tokeniser, clean

LANGUAGES = ("en", "de", "fr", "it", "fi", "ru", "zh")
ours = {language: Tokeniser(language) for language in LANGUAGES}
lowering = Tokeniser("de", lowercase=True)
theirs = {language: (MosesPunctNormalizer(language), MosesTokenizer(language)) for language in LANGUAGES}

PIECES = [
    "a", "b", "Z", "é", "ß", "İ", "ǅ", "ª", "ñ", "中", "の", "я", "٣", "½", "7", "10", "2:30", "Nr", "No", "Dr", "usw",
    "z", "DOTMULTI", "MULTI", "U.S", "don't", "l'eau", "it’s", "x-y", "A&B", "und/oder",
    "«", "»", "„", "“", "”", "‘", "’",
    "'", "''", "´", "`", '"', ".", "..", "...", "…", ",", ";", ":", "!", "?", "%", "(", ")", "[", "]", "<",
    ">", "|", "&", "-",
    "–", "—", "@", "#", "$", "€", "§", "°", "_", "=", "+", "*", "/", "\\", "\u00a0", "\u200b", "\u0301",
    "\t", "\u3000", "http://x.y",
]  # fmt: skip
lines = st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), max_size=7).map(" ".join)


def by_sacremoses(line: str, language: str) -> str:
    """Moses' two programs one after the other; a line of theirs has its end."""
    normaliser, tokeniser = theirs[language]
    return tokeniser.tokenize(normaliser.normalize(clean(line) + "\n"), return_str=True)


@settings(max_examples=600, deadline=None)
@given(lines, st.sampled_from(LANGUAGES))
def test_every_line_is_tokenised_as_sacremoses_does_it(line, language):
    assert ours[language](line) == by_sacremoses(line, language)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.sampled_from(LANGUAGES))
def test_any_text_is_too(line, language):
    assert ours[language](line) == by_sacremoses(line, language)


@pytest.mark.parametrize("line", [
    "Er sagte: „Nein.“", 'He said "no."', "Nr. 5 und Nr. fünf, Dr. Who.", "z.B. das, usw. Dann (bzw. so) weiter.",
    "Er kam. und ging. Dann 5. Mai. 5 Uhr.", "It's 5,300.5% more - or 2,5?", "„Ja“, sagte er; “no”: 'x'",
    "No. 5 is No. one. No.", "DOTMULTI is MULTI.", "a  b", " a b ", "", " ", "AB&CD <x> [y] |", "l'eau d’or",
    "end .", "a... b.. c…", "x.' ",
    "Mr. Smith.",
])  # fmt: skip
@pytest.mark.parametrize("language", LANGUAGES)
def test_known_difficulties(line, language):
    assert ours[language](line) == by_sacremoses(line, language)


@settings(max_examples=60, deadline=None)
@given(lines)
def test_lower_casing_comes_first(line):
    assert lowering(line) == by_sacremoses(clean(line).lower(), "de")


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(words, "MOST", 5)
    tokenise = Tokeniser("en")
    for number in range(50):
        assert tokenise(f"it's w{number} here w{number}.").split() == f"it &apos;s w{number} here w{number} .".split()
        assert max(map(len, (tokenise._inner, tokenise._last, tokenise._stops))) <= 5


def test_most_lines_of_plain_prose_are_put_together_from_words(monkeypatch):
    tokenise = Tokeniser("en")
    sentence = 'The "old" man (a sailor) wasn\'t here; 3.5% of 1,000 left, e.g. Mr. Smith. He went to St. Ives.'
    first = tokenise(sentence)
    monkeypatch.setattr(tokenise, "_exactly", None)  # would be called for a whole line
    assert tokenise(sentence) == first


@pytest.mark.parametrize("mark", [
    "\x00", "\x01", "\r", "\x0b", "\x0c", "\x1c", "\x1f", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff",
])  # fmt: skip
def test_control_characters_and_foreign_line_ends_become_blanks(mark):
    assert clean(f"a{mark}b") == "a b"
    assert Tokeniser("en")(f"a{mark}b") == "a b"
    assert Tokeniser("en", tokenise=False)(f"{mark}a{mark}{mark}b") == "a b"


def test_text_that_is_tokenised_already_is_only_cleaned():
    assert Tokeniser("de", lowercase=True, tokenise=False)("  Der &apos;s  Hund\u00a0. ") == "der &apos;s hund ."


def test_detokenising_undoes_it():
    text = "It's 5,300.5% more (or less) than Mr. Smith's \"share\" & yours."
    assert Detokeniser("en")(Tokeniser("en")(text)) == text
    assert Detokeniser("en", tokenised=False)("a &apos;s b") == "a &apos;s b"
