"""The table of dialects: complete, resolvable, and the user's value wins."""

from __future__ import annotations

import pytest

from aat_plugin import conventions
from aat_plugin.architecture import TransformerConfig
from aat_plugin.errors import ConfigError


def test_every_row_has_a_value_of_one_type_for_each_dialect_and_a_reason():
    for row in conventions.ROWS:
        assert len(row.values) == len(conventions.DIALECTS)
        assert len({type(value) for value in row.values}) == 1
        assert row.paper_says
        assert row.why
    assert len({row.field for row in conventions.ROWS}) == len(conventions.ROWS)


def test_every_choice_is_used_by_a_row_whose_values_it_allows():
    for field, allowed in conventions.CHOICES.items():
        row = next(row for row in conventions.ROWS if row.field == field)
        assert set(row.values) <= set(allowed)


def test_the_model_rows_are_fields_of_the_model_and_the_paper_is_their_default():
    defaults = TransformerConfig(10, 10)
    for row in conventions.rows("model"):
        assert getattr(defaults, row.field) == row.value("paper")


def test_what_is_given_wins_and_the_rest_follows_the_dialect():
    resolved = conventions.resolve("t2t_head", "model", {"attention_dropout": "0", "normalize_before": "false"})
    assert resolved["attention_dropout"] == 0.0
    assert resolved["normalize_before"] is False
    assert resolved["decoder_start"] == "zero"
    assert conventions.resolve(None, "search", {})["length_penalty"] == "gnmt"


@pytest.mark.parametrize(
    ("dialect", "given", "words"),
    [
        ("t2t", {}, "convention='t2t' is not one of"),
        ("papre", {}, "did you mean 'paper'"),
        ("paper", {"decoder_start": "eso"}, "did you mean 'eos'"),
        ("paper", {"normalize_before": "maybe"}, "neither true nor false"),
        ("paper", {"layer_norm_eps": "small"}, "not a number"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_way_out(dialect, given, words):
    with pytest.raises(ConfigError, match=words) as caught:
        conventions.resolve(dialect, "model", given)
    assert "\n" not in str(caught.value)
