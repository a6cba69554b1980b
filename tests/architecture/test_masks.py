"""Section 3.2.3: every entry of every mask, spelled out."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.architecture.masks import decoder_self_mask, key_padding_mask, subsequent_mask


@given(st.integers(1, 7), st.integers(0, 5))
def test_a_query_sees_its_own_and_earlier_keys(tgt_len, cached):
    mask = subsequent_mask(tgt_len, tgt_len + cached, torch.device("cpu"))
    for i in range(tgt_len):
        for j in range(tgt_len + cached):
            assert bool(mask[i, j]) == (j > i + cached)


def test_padded_keys_are_hidden_from_every_head_and_query():
    padding = torch.tensor([[False, True], [False, False]])
    assert key_padding_mask(padding).shape == (2, 1, 1, 2)
    assert key_padding_mask(padding)[:, 0, 0].equal(padding)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 5))
def test_the_decoder_hides_later_and_padded_keys_but_never_all(left_padding, tgt_len):
    src_len = 5
    padding = torch.tensor([[j < left for j in range(src_len)] for left in left_padding])
    mask = decoder_self_mask(padding, tgt_len)
    for row, left in enumerate(left_padding):
        for i in range(tgt_len):
            own = i + src_len - tgt_len
            for j in range(src_len):
                assert bool(mask[row, 0, i, j]) == (j != own and (j > own or j < left))
    assert not mask.all(dim=-1).any()
