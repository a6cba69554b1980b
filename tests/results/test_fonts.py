"""Fonts by letters: enough of them for every script that is installed, and a package for every other."""

from __future__ import annotations

import functools
import io

import pytest
from matplotlib.image import imread

from aat_plugin.results import charts, fonts


@pytest.fixture
def holding(monkeypatch):
    """Fonts and what they hold, in place of this machine's."""

    def set_up(**held: str) -> None:
        everything = {"default": frozenset("abcé"), **{name: frozenset(letters) for name, letters in held.items()}}
        monkeypatch.setattr(fonts, "_default_file", lambda: "default")
        monkeypatch.setattr(fonts, "_installed", lambda: tuple((name, name) for name in held))
        monkeypatch.setattr(fonts, "_letters", lambda file: everything[file])

    return set_up


def test_the_default_is_enough_for_what_it_holds(holding):
    holding(Other="漢")
    assert fonts.families(["abc", "é b"]) == ((fonts.DEFAULT,), [])


def test_fonts_are_added_until_every_letter_has_one_the_fullest_first(holding):
    holding(Small="漢", Large="漢字かな", Hangul="한글")
    assert fonts.families(["漢字 한 a"]) == ((fonts.DEFAULT, "Large", "Hangul"), [])


def test_letters_that_none_holds_come_with_the_package_that_does(holding):
    holding(Small="漢")
    names, missing = fonts.families(["漢字 हि"])
    assert names == (fonts.DEFAULT, "Small")
    assert set(missing) == set("字हि")
    advice = fonts.advice(missing)
    assert "apt-get install fonts-noto-cjk fonts-noto-core" in advice
    assert "\n" not in advice
    assert fonts.advice([]) == ""


def test_the_fonts_of_this_machine_are_read_and_boxes_are_none_of_them():
    assert fonts.families(["Dörfer größer naïve"]) == ((fonts.DEFAULT,), [])
    assert not [name for name, _ in fonts._installed() if name.startswith(fonts.BOXES)]


def test_arabic_letters_are_joined_as_words_have_them():
    pictures = {}
    for word in ("\u0644\u0627", "\u0627\u0644"):  # lam and alef make one letter, alef and lam two
        picture = charts.Picture(functools.partial(write, word), word, (2, 1))
        pictures[word] = columns(charts._rendered(picture, "black", "png", transparent=False))
    joined, apart = pictures.values()
    assert joined < 0.8 * apart


def write(word: str, figure) -> None:
    figure.text(0, 0.5, word, fontsize=40)


def columns(png: bytes) -> int:
    """Columns of a picture that are not all white."""
    return int((imread(io.BytesIO(png))[..., :3] < 0.9).any(axis=(0, 2)).sum())


def test_svg_keeps_every_script_as_text_whatever_is_installed(tmp_path):
    names, _ = fonts.families(["東京"])
    picture = charts.Picture(lambda figure: figure.text(0.5, 0.5, "東京") and None, "東京", families=names)
    charts.save(picture, tmp_path / "a.svg")
    assert ">東京<" in (tmp_path / "a.svg").read_text(encoding="utf-8")
