"""What `aat parse` counts and says: the best parse of each line, repairs by rule, what was too long by line."""

from __future__ import annotations

from collections import Counter

import pytest

from aat_plugin.cli.parse_output import DRAWN_AT_MOST, Output
from aat_plugin.errors import ConfigError
from aat_plugin.parsing.baselines import flat
from aat_plugin.parsing.parses import TOO_LONG, Parse


def parse(*repairs: str, at_limit: bool = False) -> Parse:
    return Parse(flat(["a", "b"]), -1.5, Counter(repairs), at_limit)


def test_outputs_are_counted_once_however_many_rules_mended_them_and_long_sentences_apart():
    output = Output()
    for one in (parse(), parse("unclosed", "unclosed", "cut-off", at_limit=True), parse("unclosed"), parse(TOO_LONG)):
        output.text([one, parse("flat")])  # only the best counts
    output.text([])
    output.seconds = 2.0
    counts = output.counts("beam 1")
    assert (counts["sentences"], counts["malformed"], counts["malformed_rate"]) == (4, 2, 0.5)
    assert (counts["too_long"], counts["at_limit"]) == (1, 1)
    assert counts["repairs"] == {"unclosed": 3, "cut-off": 1}
    assert output.in_words("beam 1") == [
        "4 sentences in 2.0 s, 2.0 sentences/s (beam 1)",
        "repaired: 2 of 4: unclosed 3, cut-off 1; at the length limit: 1",
        "too long for the model, one flat S each: 1 (line 4)",
    ]


def test_only_the_first_long_lines_are_named():
    output = Output()
    for _ in range(25):
        output.text([parse(TOO_LONG)])
    assert output.in_words("")[2].endswith("25 (line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 …)")


def test_no_sentences_are_no_division():
    assert Output().counts("")["malformed_rate"] == 0
    assert "0 sentences in 0.0 s" in Output().in_words("")[0]


def test_no_more_trees_are_drawn_than_a_page_can_show(tmp_path):
    output = Output(svg=tmp_path / "trees.svg")
    for _ in range(DRAWN_AT_MOST + 5):
        output.text([parse()])
    output.finish("", None, tmp_path / "report.json")
    assert (tmp_path / "trees.svg").read_text().count("<text") == DRAWN_AT_MOST * 6
    assert f"drawn: {DRAWN_AT_MOST} of {DRAWN_AT_MOST + 5} trees" in output.in_words("")[-1]


@pytest.mark.parametrize("other", [{"nbest": 2}, {"as_json": True}])
def test_two_forms_at_once_are_refused(other):
    with pytest.raises(ConfigError, match="--pretty"):
        Output(pretty=True, **other)
