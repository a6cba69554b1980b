"""Table 1: counts against the formulas by hand, fitted exponents, chains of waiting operations."""

from __future__ import annotations

import pytest
import torch

from aat_plugin.errors import ConfigError
from aat_plugin.results import layer_claims as claims
from aat_plugin.results import table1
from aat_plugin.results.layer_kinds import KINDS

N, D, K, R = 96, 8, 3, 9
KIND = {kind.claim: kind for kind in KINDS}
BY_HAND = {  # a multiplication and an addition are two operations
    claims.ATTENTION: 2 * (N * N * D) + 2 * (N * N * D),
    claims.WHOLE_ATTENTION: 4 * (N * N * D) + 4 * 2 * (N * D * D),
    claims.RECURRENT: 2 * 2 * (N * D * D),
    claims.CONTIGUOUS: 2 * K * N * D * D,
    claims.DILATED: 2 * K * N * D * D,
    claims.SEPARABLE: 2 * K * N * D + 2 * N * D * D,
}


@pytest.mark.parametrize("claim", BY_HAND, ids=lambda claim: claim.name)
def test_operations_are_counted_exactly(claim):
    assert table1._once(KIND[claim].build(D, K, R), N, D)[0] == BY_HAND[claim]


def test_restricted_attention_is_linear_in_the_length_and_sees_its_block():
    counts = [table1._once(KIND[claims.RESTRICTED].build(D, K, R), n, D)[0] for n in (64, 128, 256)]
    assert counts == [4 * n * (32 + R - 1) * D for n in (64, 128, 256)]  # blocks of 32 queries meet 40 keys


def test_memory_counts_what_is_kept_for_the_backward_pass_once_and_no_parameters():
    layer = torch.nn.Linear(D, D, bias=False)
    assert table1._once(layer, N, D)[1] == 4 * N * D
    weights = 4 * N * N
    assert table1._once(KIND[claims.ATTENTION].build(D, K, R), N, D)[1] >= weights


def test_exponents_are_those_of_powers():
    assert table1.exponent({n: 5 * n**2 for n in (8, 16, 64)}) == 2.0
    assert table1.exponent(dict.fromkeys((8, 16, 64), 7)) == 0.0


def test_only_the_recurrent_layer_waits_for_every_position():
    for kind in KINDS:
        depths = [table1.depth(kind.build(8, K, R), n, 8) for n in (8, 16)]
        assert (depths[1] - depths[0] >= 8) == (kind.claim is claims.RECURRENT), kind.claim.name
        assert (depths[1] == depths[0]) == (kind.claim is not claims.RECURRENT)


def test_a_small_measurement_finds_the_claims():
    settings = table1.Settings(lengths=(64, 128), widths=(4, 8), depths=(4, 8), paths=(4, 8), repeats=1)
    said: list[str] = []
    rows = {row["name"]: row for row in table1.measure(settings, said.append)["rows"]}
    assert said == [claim.name for claim in claims.CLAIMS]
    for claim in claims.CLAIMS:
        row = rows[claim.name]
        if claim not in (claims.WHOLE_ATTENTION, claims.SEPARABLE):
            assert row["exponents"] == list(claim.exponents), claim.name
        assert all(value > 0 for value in row["seconds"].values())
    between = rows[claims.WHOLE_ATTENTION.name]["exponents"]
    assert 1.5 < between[0] < 2
    assert 1 < between[1] < 1.5


@pytest.mark.parametrize(("lengths", "widths", "said"), [
    ([512], None, "two different"), ([64, 128], [16], "two different"), ([64, 128], [8, 16], "below 8"),
    ([512, 1024], [6, 8], "multiple of 4"),
])  # fmt: skip
def test_sizes_at_which_nothing_can_be_fitted_are_refused(lengths, widths, said):
    with pytest.raises(ConfigError, match=said):
        table1.settings_of(lengths, widths, 3, 9)
