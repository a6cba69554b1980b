"""`aat report …` and `aat whatif` on the command line: pages, recorded scores, mistakes in one line."""

from __future__ import annotations

import json

import pytest

from aat_plugin import cli


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_recorded_score_stands_in_its_table_until_its_run_is_gone(tmp_path, capsys):
    (tmp_path / "bleu.json").write_text(json.dumps({"score": 27.126, "signature": "multi-bleu"}))
    words = ["record", "table2", "--row", "base", "--column", "en_de", "--score", "bleu.json"]
    assert cli.main(["report", *words, "--command", "train base", "--folder", "runs/base"]) == 0
    content = json.loads((tmp_path / "runs" / "base" / "results.json").read_text())
    assert content["provenance"]["commands"] == ["train base"]
    capsys.readouterr()
    assert cli.main(["report", "table2"]) == 0
    assert f"27.13 [{content['provenance']['run']}]" in capsys.readouterr().out
    (tmp_path / "runs" / "base" / "results.json").unlink()
    assert cli.main(["report", "table2"]) == 0
    assert "27.13" not in capsys.readouterr().out


def test_all_is_one_page_also_where_nothing_was_run(tmp_path, capsys):
    assert cli.main(["report", "all", "-o", "out/report.html"]) == 0
    said = capsys.readouterr().out
    assert f"Page: {tmp_path / 'out' / 'report.html'}" in said
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "not run" in html
    assert "28.4" in html


def test_tables_3_and_4_are_shown_from_data(capsys):
    assert cli.main(["report", "table3"]) == 0
    said = capsys.readouterr().out
    assert "63.0" in said
    assert "26.4" in said
    assert cli.main(["report", "table4"]) == 0
    assert "92.7" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "said"), [
    (["report", "table3", "--run"], "make demo"),
    (["report", "table3", "--run", "--scale", "x"], "--scale 'x'"),
    (["report", "table3", "--run", "--row", "A9"], "did you mean"),
    (["report", "table1", "--length", "64"], "two different"),
    (["report", "record", "table5", "--row", "a", "--score", "b", "--command", "c", "--folder", "d"], "table2"),
    (["report", "record", "table2", "--row", "a", "--score", "b", "--command", "c", "--folder", "d"], "cannot read b"),
    (["whatif", "maks"], "did you mean 'mask'"),
    (["whatif"], "make demo"),
    (["whatif", "--override", "x"], "KEY=VALUE"),
])  # fmt: skip
def test_a_mistake_is_one_line(tmp_path, capsys, words, said):
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()
