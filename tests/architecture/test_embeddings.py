"""The source token that is next, beside a target symbol's own embedding and position (ours)."""

from __future__ import annotations

import torch

from aat_plugin.architecture.embeddings import next_source_token


def test_a_place_is_given_the_token_that_the_next_counted_symbol_stands_for(make_config):
    following = next_source_token(make_config(counted_symbols=(5, 9)))
    targets = torch.tensor([[2, 6, 5, 7, 9, 5, 8], [2, 9, 9, 4, 4, 4, 4]])
    counts = following.count(targets)
    assert counts.tolist() == [[0, 0, 1, 1, 2, 3, 3], [0, 1, 2, 2, 2, 2, 2]]
    memory = torch.arange(10.0).view(2, 5, 1).expand(2, 5, 3)
    padded = torch.tensor([[True, True, False, False, False], [False, False, False, False, True]])
    given = following(memory, padded, counts)
    # Three real tokens from place 2 on, of which the last stays when none is left; and four from place 0 on.
    assert given[:, :, 0].tolist() == [[2, 2, 3, 3, 4, 4, 4], [5, 6, 7, 7, 7, 7, 7]]


def test_nothing_is_given_unless_asked_and_it_learns_nothing(make_config):
    assert next_source_token(make_config()) is None
    assert not next_source_token(make_config(counted_symbols=(5,))).state_dict()
