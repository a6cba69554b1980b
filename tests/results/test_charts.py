"""Pictures as files and in pages: the formats, words that stay words, the same bytes for the same data."""

from __future__ import annotations

import pytest

from aat_plugin.errors import ConfigError
from aat_plugin.results import charts

SERIES = {"one": [(1.0, 8.0), (2.0, 2.0)], "two": [(1.0, 3.0), (2.0, 1.0)]}
PICTURE = charts.line_chart(SERIES, x="updates", y="loss", alt='loss "falls"', log_x=True)


def test_a_file_has_the_format_of_its_name(tmp_path):
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for ending, start in starts.items():
        file = tmp_path / f"a{ending}"
        charts.save(PICTURE, file)
        assert file.read_bytes().startswith(start)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert ">updates<" in text  # words, not outlines
    assert 'aria-label="loss &quot;falls&quot;"' in text
    assert charts.INK not in text
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.pdf", "a.png", "a.svg"]


def test_another_format_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"\.svg, \.png or \.pdf"):
        charts.save(PICTURE, tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_many_lines_stay_apart_and_are_all_named():
    many = {f"line {number}": [(1.0, float(number)), (2.0, 1.0)] for number in range(9)}
    element = charts.curves(many, x="x", y="y", alt="nine")
    assert all(f"line {number}" in element for number in range(9))
    assert "stroke-dasharray" in element  # colours come again from the seventh on


def test_a_logarithmic_axis_names_its_points():
    element = charts.inline(charts.line_chart({"a": [(512.0, 1.0), (2048.0, 3.0)]}, x="n", y="y", alt="a", log_x=True))
    assert ">512<" in element
    assert ">2048<" in element
