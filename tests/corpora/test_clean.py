"""Cleaning against clean-corpus-n.perl's conditions, written down again from its source."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.corpora.blocks import Block
from aat_plugin.corpora.clean import CleanBlock

lines = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=20)


def moses_keeps(source: int, target: int, longest: int, ratio: float) -> bool:
    """clean-corpus-n.perl -ratio RATIO corpus s t out 1 LONGEST, a line of so many words."""
    if source == 0 or target == 0:
        return False
    if source > longest or target > longest:
        return False
    if source < 1 or target < 1:
        return False
    if source / target > ratio:
        return False
    return not target / source > ratio


@settings(max_examples=200, deadline=None)
@given(lines, st.integers(1, 12), st.sampled_from([1.0, 1.1, 1.5, 2.0, 9.0]))
def test_the_pairs_that_moses_keeps_stay(lengths, longest, ratio):
    texts = [tuple(" ".join(f"{side}{row}" for _ in range(count)) for side, count in zip("st", pair, strict=True))
             for row, pair in enumerate(lengths)]
    raw = tuple("".join(f"{text[side]}\n" for text in texts).encode() for side in (0, 1))
    made = CleanBlock(longest, ratio)(Block(("s", "t"), 1, len(texts), raw, (0, 0)))
    expected = [text for text, pair in zip(texts, lengths, strict=True) if moses_keeps(*pair, longest, ratio)]
    for side in (0, 1):
        assert made.outputs[side].decode() == "".join(f"{text[side]}\n" for text in expected)
    counts = made.counts
    assert counts["kept"] == len(expected)
    assert counts["kept"] + counts["empty"] + counts["too_long"] + counts["too_unlike"] == len(texts)
    assert counts["source_tokens"] == sum(len(text[0].split()) for text in expected)


@pytest.mark.parametrize(("longest", "ratio", "kept"), [(0, 0.0, 3), (0, 2.0, 1), (2, 0.0, 2)])
def test_zero_means_any(longest, ratio, kept):
    raw = (b"a a a\nb\n\nd\n", b"a\nb b b\nc\nd\n")
    counts = CleanBlock(longest, ratio)(Block(("s", "t"), 1, 4, raw, (0, 0))).counts
    if longest:
        kept = 1
    assert counts["kept"] == kept
