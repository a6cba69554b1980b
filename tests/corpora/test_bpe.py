"""Subwords against subword-nmt's own programs, which are the oracle: the same codes and the same text, to the byte."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subword_nmt.apply_bpe import BPE
from subword_nmt.learn_bpe import learn_bpe

from aat_plugin.corpora import bpe
from aat_plugin.corpora.parallel import Workers
from aat_plugin.errors import DataError

# Few letters, so that pairs repeat, overlap (aaa) and arise in more than one way (ab+c, a+bc).
words = st.text("abc", min_size=1, max_size=9) | st.text("aäß\\.@<>/w0", min_size=1, max_size=6)
texts = st.lists(words, min_size=3, max_size=60)


def their_codes(text: str, merges: int) -> str:
    """What `subword-nmt learn-bpe` writes; empty where it fails (no pair at all)."""
    out = io.StringIO()
    try:
        learn_bpe(io.StringIO(text), out, merges, 2)
    except ValueError:
        return "#version: 0.2\n"
    return out.getvalue()


def test_joining_undoes_cutting():
    assert bpe.join("ab@@ c d@@ e") == "abc de"
    assert bpe.join("") == ""


@settings(max_examples=250, deadline=None)
@given(texts, st.integers(1, 60))
def test_the_same_merges_are_learned(tmp_path_factory, text, merges):
    codes = tmp_path_factory.getbasetemp() / "codes"
    if any(len(word) > 1 for word in text):
        bpe.learn(Counter(text), merges, codes)
        assert codes.read_text() == their_codes(" ".join(text) + "\n", merges)


def test_the_same_merges_are_learned_past_pruning_and_going_back_to_what_was_pruned(tmp_path):
    import random

    generator = random.Random(3)
    syllables = [a + b for a in "bdgklmnprst" for b in ("a", "ei", "o", "un", "e")]
    vocabulary = ["".join(generator.choices(syllables, k=generator.randint(1, 5))) for _ in range(1500)]
    text = generator.choices(vocabulary, [1 / rank for rank in range(1, 1501)], k=8000)
    counted = bpe.learn(Counter(text), 900, tmp_path / "codes")
    assert (tmp_path / "codes").read_text() == their_codes(" ".join(text) + "\n", 900)
    assert counted == {"words": len(set(text)), "merges": 900}


@settings(max_examples=250, deadline=None)
@given(texts, st.integers(1, 60), st.sampled_from(["0.2", "0.1", ""]), st.lists(words | st.just(""), max_size=12))
def test_the_same_subwords_come_out(tmp_path_factory, text, merges, version, line):
    codes = tmp_path_factory.getbasetemp() / "codes"
    content = their_codes(" ".join(text) + "\n", merges)
    if content.count("\n") == 1:
        return
    header = f"#version: {version}\n" if version else ""
    codes.write_text(header + content.partition("\n")[2])
    sentence = " ".join(line)
    with codes.open() as file:
        assert bpe.Subwords(codes)(sentence) == BPE(file).process_line(sentence)


def test_what_is_remembered_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(bpe, "MOST", 3)
    (tmp_path / "codes").write_text("#version: 0.2\na b\n")
    cut = bpe.Subwords(tmp_path / "codes")
    for number in range(20):
        assert cut(f"ab{number} x") == " ".join([*f"ab@@ {'@@ '.join(str(number))}".split(), "x"])
        assert len(cut._pieces) <= 3


def test_words_are_counted_in_pieces_as_in_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("aat_plugin.corpora.blocks.BLOCK", 40)
    lines = [f"a b{number % 7} c" for number in range(200)] + ["", "a"]
    for name in ("x", "y"):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    counts = bpe.count_words([tmp_path / "x", tmp_path / "y"], Workers(1), "")
    assert counts == Counter(" ".join(lines * 2).split())


@pytest.mark.parametrize(("content", "match"), [
    ("", "is empty"), ("#version: 0.2\na b c\n", "codes:2: no merge"), ("a\n", "codes:1: no merge"),
    ("#version: 0.2\na b\n\nc d\n", "codes:3: no merge"), ("#version: 7\na b\n", "codes:1: not a version"),
    ("#version:\na b\n", "codes:1: not a version"), ("#version: 0.2\na \n", "codes:2: no merge"),
])  # fmt: skip
def test_what_is_no_codes_file_is_named(tmp_path, content, match):
    (tmp_path / "codes").write_text(content)
    with pytest.raises(DataError, match=match):
        bpe.Subwords(tmp_path / "codes")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_for_codes_are_one_line(tmp_path_factory, content):
    codes = tmp_path_factory.getbasetemp() / "fuzzed"
    codes.write_bytes(content)
    message = ""
    try:
        bpe.Subwords(codes)("a word")
    except DataError as mistake:
        message = str(mistake)
    assert "\n" not in message


def test_nothing_to_learn_from_is_said(tmp_path):
    with pytest.raises(DataError, match="no word of two letters"):
        bpe.learn(Counter(["a", "b"]), 10, tmp_path / "codes")
    assert not list(tmp_path.iterdir())
