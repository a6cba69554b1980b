"""A folder that is either what it was or complete."""

from __future__ import annotations

import os

import pytest

from aat_plugin.errors import DataError
from aat_plugin.export.places import folder


def test_the_folder_appears_when_the_block_ends_well(tmp_path):
    with folder(tmp_path / "out") as place:
        (place / "a").write_text("x")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a").read_text() == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_when_it_does_not(tmp_path, error):
    def interrupted():
        with folder(tmp_path / "out") as place:
            (place / "a").write_text("x")
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError, match="No space left"), folder(tmp_path / "out") as place:
        (place / "a").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path):
    (tmp_path / "out").mkdir()
    with folder(tmp_path / "out") as place:
        (place / "a").write_text("x")
    with pytest.raises(DataError, match="exists already"), folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "a").read_text() == "x"
