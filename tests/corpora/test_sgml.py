"""WMT's SGML: the segments in order, as sacreBLEU reads them, and entities as characters."""

from __future__ import annotations

import io

import pytest

from aat_plugin.corpora import sgml
from aat_plugin.corpora.sgml import segments
from aat_plugin.errors import DataError


def read(text: str) -> list[str]:
    return segments(io.BytesIO(text.encode()), "x.sgm")


def test_segments_come_in_order_with_blanks_drawn_together():
    text = '<refset>\n<doc docid="a">\n<p>\n<seg id="1"> A  man. </seg>\n<SEG ID=2>Two\nlines\u2028here</SEG>\n'
    assert read(text) == ["A man.", "Two lines here"]


def test_entities_are_undone_once():
    assert read("<seg>R&amp;D &lt;b&gt; &quot;x&quot; &apos; &amp;lt; &euro;</seg>") == ["R&D <b> \"x\" ' &lt; &euro;"]


def test_it_agrees_with_sacrebleu_where_there_are_no_entities(tmp_path):
    from sacrebleu.dataset.fake_sgml import FakeSGMLDataset

    text = '<refset>\n<seg id="1">Ein  Mann \u2013 er. </seg>\n<hl>\n<seg id="2">\u201eNein\u201c.</seg>\n</hl>\n'
    (tmp_path / "in").write_text(text)
    FakeSGMLDataset("x")._convert_format(str(tmp_path / "in"), str(tmp_path / "out"))
    assert read(text) == (tmp_path / "out").read_text().splitlines()


@pytest.mark.parametrize(("content", "message"), [
    (b"plain text\n", "x.sgm has no <seg>"),
    (b"<seg>a</seg>\n<seg>b\n", "2 <seg> are opened and 1 closed"),
    (b"<seg>a</seg>\n<seg>\xff</seg>\n", r"x\.sgm:2: not UTF-8"),
])  # fmt: skip
def test_what_is_no_sgml_is_named(content, message):
    with pytest.raises(DataError, match=message):
        segments(io.BytesIO(content), "x.sgm")


def test_it_does_not_read_without_bound(monkeypatch):
    monkeypatch.setattr(sgml, "MOST", 10)
    with pytest.raises(DataError, match="longer than"):
        read("<seg>0123456789</seg>")
