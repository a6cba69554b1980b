"""Pages and pictures: nothing from the net, nothing unescaped, tables that are tables, pictures with words."""

from __future__ import annotations

import pytest
from html_reader import read

from aat_plugin.results import charts, page

CHART = dict(x="updates", y="loss", alt='loss falls from 8 to 2 & "stays"')


def test_a_table_is_a_table_and_text_from_elsewhere_is_escaped():
    table = page.Table(("system", "BLEU"), [("<script>alert(1)</script>", "1.0")], numeric=(1,))
    reader = read(page.render("T", "lead", [page.Section("S", text=["a < b"], table=table)]))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.cells == ["system", "BLEU", "<script>alert(1)</script>", "1.0"]


def test_a_page_asks_the_network_for_nothing_and_follows_light_and_dark():
    picture = charts.curves({"train": [(0, 8), (1, 2)]}, **CHART)
    html = page.render("T", "lead", [page.Section("S", picture=picture, commands=["aat demo"], note="n")])
    for _, attributes in read(html).tags:
        assert "src" not in attributes
        assert (attributes.get("href") or attributes.get("xlink:href") or "#").startswith("#")  # within the picture
    assert "@import" not in html
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_a_picture_says_in_words_what_it_shows_and_takes_the_pages_ink():
    element = charts.curves({"train": [(0, 8), (1, 2)], "valid": [(1, 3)]}, **CHART)
    tag, attributes = read(element).tags[0]
    assert tag == "svg"
    assert attributes["role"] == "img"
    assert attributes["aria-label"] == CHART["alt"]
    assert "currentColor" in element
    assert "#123456" not in element
    assert "valid" in element


def test_the_same_points_make_the_same_picture():
    series = {"train": [(0, 8.0), (1, 2.0)]}
    assert charts.curves(series, **CHART) == charts.curves(series, **CHART)


def test_nothing_to_draw_is_an_error_and_no_empty_picture():
    with pytest.raises(ValueError, match="nothing to draw"):
        charts.curves({"train": []}, **CHART)
