"""Alignments, against fairseq's own, and how fairseq's commands read them."""

from __future__ import annotations

import pytest
import toy_translation as toy
from fairseq import utils
from fairseq.sequence_generator import SequenceGeneratorWithAlignment
from toy_translation import models, ours, random_batch

from aat_plugin.bindings import alignment
from aat_plugin.errors import DataError, UnsupportedOptionError


@pytest.mark.parametrize("kind", ["hard", "soft"])
@pytest.mark.parametrize("name", ["stock", "ours"])
def test_alignments_are_fairseqs_of_the_attention_gathered_in_the_search(name, kind):
    sample = random_batch(20, 16)
    mine = ours(models(name), print_alignment=kind).generate(None, sample)
    stock = SequenceGeneratorWithAlignment(
        models(name), toy.Task.target_dictionary, beam_size=5, print_alignment=kind, **toy.LENGTHS
    ).generate(models(name), sample)
    for a, b in zip(mine, stock, strict=True):
        for h, k in zip(a, b, strict=True):
            assert h["tokens"].tolist() == k["tokens"].tolist()
            if kind == "hard":
                assert h["alignment"] == k["alignment"]
            else:
                assert [[float(w) for w in row] for row in h["alignment"]] == [
                    pytest.approx([float(w) for w in row], abs=2e-6) for row in k["alignment"]
                ]


def test_a_model_without_attention_cannot_be_aligned(monkeypatch):
    generator = ours(models("stock"), print_alignment="hard")
    decode = generator.ensemble.forward_decoder
    monkeypatch.setattr(generator.ensemble, "forward_decoder", lambda *a: (decode(*a)[0], None))
    with pytest.raises(UnsupportedOptionError, match="--print-alignment"):
        generator.generate(None, random_batch(2, 1))


def test_soft_alignments_are_refused_where_fairseq_cannot_print_them():
    with pytest.raises(UnsupportedOptionError, match="hard"):
        ours(models("ours"), print_alignment="soft").generate(None, {"net_input": random_batch(2, 1)["net_input"]})


def test_a_pair_is_printed_as_a_pair_and_looks_up_its_source_word():
    pairs = [alignment.AlignedPair(2, 0), alignment.AlignedPair(0, 1)]
    assert " ".join(f"{source}-{target}" for source, target in pairs) == "2-0 0-1"
    assert utils.replace_unk("<unk> a", "x y z", pairs, {}, "<unk>") == "z a"
    assert utils.replace_unk("a <unk>", "x y z", pairs, {"x": "ex"}, "<unk>") == "a ex"


@pytest.mark.parametrize("name", ["stock", "ours"])
def test_unknown_words_can_be_replaced_in_a_translation_even_of_nothing(name):
    sample = toy.batch([4, 0], seed=2)
    found = ours(models(name), replace_unk="", unkpen=-9).generate(None, sample)
    for hypotheses, words in zip(found, (4, 0), strict=True):
        best, source = hypotheses[0], " ".join(f"s{place}" for place in range(words))
        text = toy.Task.target_dictionary.string(best["tokens"])
        assert "<unk>" in text
        replaced = utils.replace_unk(text, source, best["alignment"], {}, "<unk>").split()
        assert "<unk>" not in replaced
        assert len(replaced) == len(best["tokens"]) - 1


def test_the_bare_flag_copies_source_words_and_a_file_is_read(tmp_path):
    assert utils.load_align_dict is alignment.load_align_dict
    assert utils.load_align_dict(None) is None
    assert utils.load_align_dict("@@ ") == {}
    entries = tmp_path / "entries"
    entries.write_text("Haus house\nBaum tree\n")
    assert utils.load_align_dict(str(entries)) == {"Haus": "house", "Baum": "tree"}
    entries.write_text("Haus house\nBaum\n")
    with pytest.raises(DataError, match="entries"):
        utils.load_align_dict(str(entries))
    with pytest.raises(DataError, match="no such file"):
        utils.load_align_dict(str(tmp_path / "missing"))
