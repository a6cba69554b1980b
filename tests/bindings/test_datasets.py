"""Every sentence is in a batch, once: at 1 … 50 sentences, over any multiple, and beyond max_tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, LanguagePairDataset
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.bindings.datasets import AatLanguagePairDataset

DICTIONARY = Dictionary()


def dataset(lengths, **options):
    sentences = [torch.full((length,), 4) for length in lengths]
    stock = LanguagePairDataset(
        sentences, np.array(lengths), DICTIONARY, sentences, np.array(lengths), DICTIONARY, shuffle=False
    )
    return AatLanguagePairDataset.adopt(stock, **options)


@pytest.mark.parametrize("multiple", [1, 8])
@pytest.mark.parametrize("limits", [dict(max_tokens=40), dict(max_sentences=8), dict(max_tokens=64, max_sentences=7)])
def test_every_sentence_is_batched_once_at_1_to_50_sentences(multiple, limits):
    for size in range(1, 51):
        data = dataset([3 + index % 7 for index in range(size)])
        batches = data.batch_by_size(data.ordered_indices(), required_batch_size_multiple=multiple, **limits)
        assert sorted(np.concatenate(batches).tolist()) == list(range(size))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 9), st.integers(10, 80))
def test_no_batch_is_over_its_limit_but_a_sentence_that_is_alone_over_it(lengths, multiple, max_tokens):
    data = dataset(lengths)
    batches = data.batch_by_size(
        data.ordered_indices(), max_tokens=max_tokens, required_batch_size_multiple=multiple
    )
    assert sorted(index for batch in batches for index in batch.tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= max_tokens


def test_what_stock_keeps_is_batched_as_stock_does():
    data = dataset([5] * 100)
    stock = LanguagePairDataset.batch_by_size(data, data.ordered_indices(), 200, None, 8)
    ours = data.batch_by_size(data.ordered_indices(), 200, None, 8)
    assert sum(map(len, stock)) == 96  # the loss that this class is for
    assert [batch.tolist() for batch in ours[: len(stock)]] == [batch.tolist() for batch in stock]
    assert sum(map(len, ours)) == 100


def test_sentences_over_a_limit_are_named_with_their_lengths():
    data = dataset([3, 90, 4, 80])
    over = data.too_long(np.arange(4), (50, 50))
    assert over.tolist() == [1, 3]
    assert data.name(over) == "1 (90 → 90 tokens), 3 (80 → 80 tokens)"
    assert data.name(list(range(4)) * 4).endswith("… and 6 more")
