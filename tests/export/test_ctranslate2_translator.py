"""What `aat translate --engine` runs: the same lines as the plugin's own translator gives."""

from __future__ import annotations

import random

import pytest
from travelling import data_bin, save_ours

from aat_plugin.bindings.translator import Search, Translator
from aat_plugin.errors import ConfigError
from aat_plugin.export.ctranslate2_folder import export_ctranslate2
from aat_plugin.export.ctranslate2_translator import CTranslate2Translator, together


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A random model, whose translations are long and strange but always the same."""
    import torch

    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("system")
    data = data_bin(folder / "bin")
    return save_ours(folder / "ours.pt", data, "fairseq", share_all_embeddings="false")[1], data, folder


def lines(count):
    draw = random.Random(2)
    return [" ".join(f"w{draw.randrange(16)}" for _ in range(draw.randint(1, 8))) for _ in range(count)]


def test_greedy_lines_are_the_plugins_own(system):
    checkpoint, data, _ = system
    asked = Search(beam=1, lenpen=1.0, max_len_a=0, max_len_b=6)
    own = Translator([checkpoint], data, ("src", "tgt"), asked, "cpu").translate(lines(30))
    there = CTranslate2Translator(None, checkpoint, data, ("src", "tgt"), asked, "cpu").translate(lines(30))
    compared = [(one[0], other[0]) for one, other in zip(own, there, strict=True)]
    same = [one.tokens == other.tokens for one, other in compared]
    assert sum(same) >= 27  # a random model may say padding, which only ours forbids at each step
    for one, other in compared:
        if one.tokens == other.tokens:
            assert other.score == pytest.approx(one.score, abs=1e-4)


def test_a_folder_is_used_as_it_is_and_nbest_is_cut(system, tmp_path):
    checkpoint, data, _ = system
    export_ctranslate2(checkpoint, tmp_path / "ct2", "int8", data)
    asked = Search(beam=4, nbest=2, max_len_a=0, max_len_b=6)
    translator = CTranslate2Translator(tmp_path / "ct2", checkpoint, data, ("src", "tgt"), asked, "cpu")
    assert translator.longest_source == 24
    assert translator.length("w1 w2") == 3
    found = translator.translate(lines(10))
    assert len(found) == 10
    assert all(1 <= len(one) <= 2 for one in found)
    assert all(one == sorted(one, key=lambda each: -each.score) for one in found)


def test_what_is_not_asked_for_is_the_conventions(system):
    checkpoint, data, _ = system
    search = CTranslate2Translator(None, checkpoint, data, ("src", "tgt"), Search(), "cpu").search
    assert (search.beam, search.alpha, search.penalty, search.max_len_a, search.max_len_b) == (5, 1.0, "power", 0, 200)


def test_more_hypotheses_than_the_beam_has_are_refused(system):
    checkpoint, data, _ = system
    with pytest.raises(ConfigError, match="--beam"):
        CTranslate2Translator(None, checkpoint, data, ("src", "tgt"), Search(nbest=9), "cpu")


def test_pieces_are_joined_as_fairseq_joins_them():
    assert together(["a@@", "b", "c@@"]) == "ab c"
