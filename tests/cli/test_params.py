"""`aat params`: the exact integers, the published millions, and quickly."""

from __future__ import annotations

import json

import pytest

from aat_plugin import cli

AT_37000 = {  # by the formula of Section 3 with the feed-forward's biases and the norms, by hand
    "base": 63_045_632, "B1": 55_967_744, "B2": 58_327_040, "C1": 33_644_544, "C2": 48_345_088, "C3": 77_746_176,
    "C4": 26_816_512, "C5": 163_815_424, "C6": 50_450_432, "C7": 88_236_032, "big": 214_171_648,
}
AS_RELEASED = {  # the same with all biases, 40,960 types and 32 target spaces
    "base": 65_126_400, "B1": 58_034_688, "B2": 60_398_592, "C1": 35_700_736, "C2": 50_413_568, "C3": 79_839_232,
    "C4": 27_856_896, "C5": 167_976_960, "C6": 52_531_200, "C7": 90_316_800, "big": 218_333_184,
}
PUBLISHED = {"base": 65, "B1": 58, "B2": 60, "C1": 36, "C2": 50, "C3": 80, "C4": 28, "C5": 168, "C6": 53, "C7": 90,
             "big": 213}  # fmt: skip


def aat(capsys, *words: str) -> str:
    assert cli.main(["params", *words]) == 0
    return capsys.readouterr().out


def rows(capsys, *words: str) -> dict[str, dict]:
    return {row["variation"]: row for row in json.loads(aat(capsys, "--json", *words))["rows"]}


def test_the_exact_integers_at_37000_types(capsys):
    found = rows(capsys, "--variation", "all", "--vocabulary", "37000")
    assert {name: found[name]["parameters"] for name in AT_37000} == AT_37000
    assert {name: row["published_millions"] for name, row in found.items() if row["published_millions"]} == PUBLISHED
    for name in ("A1", "A2", "A3", "A4", "D1", "D2", "D3", "D4"):
        assert found[name]["parameters"] == AT_37000["base"]
    assert found["E"]["parameters"] == AT_37000["base"] + 2 * 1024 * 512


def test_the_release_gives_ten_of_ten_published_counts_and_big_as_the_mismatch_it_is(capsys):
    asked = ("--vocabulary", "40960", "--convention", "t2t_release")
    found = rows(capsys, *asked)
    assert {name: found[name]["parameters"] for name in AS_RELEASED} == AS_RELEASED
    agree = {name: row["rounds_to_published"] for name, row in found.items() if row["published_millions"]}
    assert agree == {name: name != "big" for name in PUBLISHED}
    words = aat(capsys, *asked)
    assert "10 of 11 published counts come back" in words
    assert "big: 218.3 M here, 213 M there" in words


def test_one_row_can_be_asked_for(capsys):
    assert list(rows(capsys, "--variation", "C5")) == ["C5"]


@pytest.mark.parametrize(("words", "said"), [(["--variation", "bg"], "did you mean 'big'"),
                                             (["--convention", "papre"], "did you mean 'paper'")])  # fmt: skip
def test_a_wrong_name_is_one_line(capsys, words, said):
    assert cli.main(["params", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
