"""Runs in a folder: found with their provenance, the newest first; broken ones are one line."""

from __future__ import annotations

import shutil

import pytest

from aat_plugin.errors import DataError
from aat_plugin.results import provenance, recorded_runs


def made(folder, date: str, **content) -> str:
    source = {**provenance.collect(["aat demo"], []), "date": date}
    recorded_runs.write(folder, source, content)
    return str(source["run"])


def test_runs_are_found_at_any_depth_the_newest_first_and_gone_when_their_folder_is(tmp_path):
    old = made(tmp_path / "a", "2026-01-01T00:00:00+00:00", translation={"bleu": 1.0})
    new = made(tmp_path / "b" / "c", "2026-02-01T00:00:00+00:00", translation={"bleu": 2.0})
    assert [run.name for run in recorded_runs.find(tmp_path)] == [new, old]
    newest = recorded_runs.newest(recorded_runs.find(tmp_path), "translation")
    assert newest is not None
    assert newest.content["translation"]["bleu"] == 2.0
    shutil.rmtree(tmp_path / "b")
    assert [run.name for run in recorded_runs.find(tmp_path)] == [old]
    assert recorded_runs.newest(recorded_runs.find(tmp_path), "table1") is None
    assert recorded_runs.find(tmp_path / "missing") == []


def test_cells_are_found_by_their_place(tmp_path):
    cell = {"table": "table2", "row": "base", "column": "en_de", "value": 27.0}
    for place, (value, date) in enumerate(((26.0, "2026-01-01"), (27.0, "2026-02-01"))):
        made(tmp_path / str(place), date, cells=[{**cell, "value": value, "note": "s"}, {**cell, "table": "table4"}])
    found = recorded_runs.figures(recorded_runs.find(tmp_path), "table2")
    assert [one.value for one in found["base", "en_de"]] == [27.0, 26.0]
    assert found["base", "en_de"][0].note == "s"
    assert set(found) == {("base", "en_de")}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"provenance": 3}', '{"provenance": {"run": "x"}}'])
def test_what_is_no_runs_results_is_named(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match=r"results\.json"):
        recorded_runs.find(tmp_path)
