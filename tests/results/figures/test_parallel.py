"""What waits for what: counted, never timed."""

from __future__ import annotations

import math

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.results.figures.parallel import measure


def test_a_recurrence_waits_once_more_with_each_word_and_attention_never():
    chains = {(one.layer, one.length): one.chain for one in measure([2, 3, 4, 17])}
    a_word = chains["recurrence", 3] - chains["recurrence", 2]
    assert a_word > 0
    assert chains["recurrence", 4] == chains["recurrence", 3] + a_word
    assert chains["recurrence", 17] == chains["recurrence", 2] + 15 * a_word
    assert len({chain for (layer, _), chain in chains.items() if layer == "self-attention"}) == 1


def test_times_are_measured_where_they_are_asked_for():
    assert all(math.isnan(one.seconds) for one in measure([2]))
    assert all(one.seconds >= 0 for one in measure([2], repeats=1))


@pytest.mark.parametrize(("lengths", "d_model"), [([0], 64), ([4], 6)])
def test_sizes_that_no_layer_has_are_refused(lengths, d_model):
    with pytest.raises(ConfigError, match="d_model"):
        measure(lengths, d_model)
