"""Heads as pictures and as a page: the weights that are there, tokens of any script, nothing that ends a script."""

from __future__ import annotations

import json
import re

import pytest
import torch

from aat_plugin.bindings.attention_reader import Attended
from aat_plugin.errors import ConfigError
from aat_plugin.results import charts
from aat_plugin.results.figures import attention, attention_page

SOURCE = ["東京", "<b>&$", "naïve", "</s>"]


@pytest.fixture
def attended() -> Attended:
    def weights(queries: int, keys: int) -> torch.Tensor:
        return torch.randn(2, 3, queries, keys).softmax(-1)

    said = ["タワー", "</script>", "</s>"]
    made = Attended(SOURCE, ["</s>", *said[:-1]], said, weights(4, 4), weights(3, 3), weights(3, 4))
    made.encoder_self[1, 2, 0] = torch.tensor([0.04, 0.9, 0.03, 0.03])
    return made


def test_every_layer_and_head_is_in_the_grid_with_its_tokens(attended):
    for kind in attention.KINDS:
        drawn = charts.inline(attention.grid(attention.heads_of(attended, kind)))
        assert all(f"layer {layer}, head {head}" in drawn for layer in (1, 2) for head in (1, 2, 3))
    encoder = charts.inline(attention.grid(attention.heads_of(attended, "encoder-self")))
    assert ">東京<" in encoder
    assert "&lt;b&gt;&amp;" in encoder


def test_the_strongest_weight_is_told_in_words(attended):
    heads = attention.heads_of(attended, "encoder-self")
    assert "0.90, is from “東京” to “<b>&$” in layer 2, head 3" in attention.grid(heads).alt
    assert "in layer 2, head 3" in attention.lines(heads, 2, [3]).alt


def test_lines_are_drawn_for_weights_that_can_be_seen(attended):
    heads = attention.heads_of(attended, "encoder-self")
    everything, one = (charts.inline(attention.lines(heads, 2, [3], token)) for token in (None, 1))
    assert one.count(charts.COLOURS[2].lower()) < everything.count(charts.COLOURS[2].lower())
    for wrong in ((3, []), (1, [4])):
        with pytest.raises(ConfigError, match="is not one of"):
            attention.lines(heads, *wrong)
    with pytest.raises(ConfigError, match="kind"):
        attention.heads_of(attended, "encoder")


def test_the_pages_data_come_back_and_cannot_end_their_script(attended):
    html = attention_page.render(attended, "model & more")
    inside = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, flags=re.DOTALL)
    assert len(inside) == 1
    data = json.loads(inside[0])
    assert data["kinds"]["encoder-self"]["keys"] == SOURCE
    assert data["kinds"]["cross"]["queries"] == attended.said
    assert data["kinds"]["encoder-self"]["weights"][1][2][0] == [40, 900, 30, 30]
    assert html.count("</script>") == 2
    assert "model &amp; more" in html
    assert not re.search(r'(?:src|href)="', html)
