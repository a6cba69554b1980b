"""Running models behind the search: any of fairseq's encoder-decoders, with and without incremental state."""

from __future__ import annotations

import copy
from argparse import Namespace

import pytest
import torch
import toy_translation as toy
from fairseq.modules.fairseq_dropout import FairseqDropout
from toy_translation import PAPER, RIVALS, compare, models, ours, random_batch

from aat_plugin.bindings import decoding_step
from aat_plugin.bindings.generator import build_generator
from aat_plugin.bindings.precision import FEW_ROWS, Precision
from aat_plugin.errors import UnsupportedOptionError


@pytest.mark.parametrize("name", ["ours", "two", "both", "lstm", "fconv", *RIVALS])
@pytest.mark.parametrize("flags", [{"beam": 1}, {"beam": 4, "lenpen": 0.6}, {"beam": 5}], ids=str)
def test_any_encoder_decoder_and_any_ensemble_searches_as_in_fairseq(name, flags):
    toy.assert_as_stock(models(name), [random_batch(40, seed) for seed in (4, 5)], **flags)


@pytest.mark.parametrize("name", ["ours", *RIVALS])
@pytest.mark.parametrize("left_pad", [True, False])
def test_the_source_may_be_padded_on_either_side(left_pad, name):
    toy.assert_as_stock(models(name), [random_batch(40, 6, left_pad=left_pad)])


@pytest.mark.parametrize("name", ["ours", *RIVALS])
def test_our_incremental_decoding_gives_what_recomputing_the_prefix_gives(name, monkeypatch):
    sample = random_batch(30, 11)
    with_cache = ours(models(name), PAPER).generate(None, sample)
    generator = ours(models(name), PAPER)
    monkeypatch.setattr(generator.ensemble, "has_incremental", False)
    same, total = compare(with_cache, generator.generate(None, sample))
    assert same == total


@pytest.mark.parametrize("change", ["train", "load", "copy"])
def test_weights_that_changed_since_are_the_ones_that_decode(change):
    model = copy.deepcopy(models("ours")[0])
    generator, sample = ours([model], PAPER), random_batch(20, 21)
    generator.generate(None, sample)
    other = toy.trained(toy.aat_transformer, 30, seed=5)
    if change == "load":
        model.load_state_dict(other.state_dict())
    elif change == "copy":
        with torch.no_grad():
            for old, new in zip(model.parameters(), other.parameters(), strict=True):
                old.copy_(new)
    else:
        model.train()
        for old, new in zip(model.parameters(), other.parameters(), strict=True):
            old.data.copy_(new)  # as fairseq's optimizers write
        model.eval()
    same, total = compare(generator.generate(None, sample), ours([other], PAPER).generate(None, sample))
    assert same == total


@pytest.mark.parametrize(("precision", "quick"), [("bf16", True), ("int8", True), ("int8", False)])
def test_other_precisions_say_nearly_the_same(precision, quick, monkeypatch):
    monkeypatch.setattr("aat_plugin.bindings.precision.quick_bf16", lambda device: quick)
    sample = random_batch(60, 23)
    exact = ours(models("ours"), PAPER).generate(None, sample)
    generator = ours(models("ours"), PAPER)
    generator.precision = Precision(precision)
    found = generator.generate(None, sample)
    same = sum(a[0]["tokens"].tolist() == b[0]["tokens"].tolist() for a, b in zip(exact, found, strict=True))
    assert same >= 0.8 * len(exact)
    assert any(a[0]["score"] != b[0]["score"] for a, b in zip(exact, found, strict=True))


def test_few_hypotheses_are_decoded_by_float32_layers_and_many_by_those_asked_for(monkeypatch):
    monkeypatch.setattr("aat_plugin.bindings.precision.quick_bf16", lambda device: True)
    asked = []
    packed = decoding_step._packed
    monkeypatch.setattr(decoding_step, "_packed", lambda model, *names: asked.append(names) or packed(model, *names))
    generator, exact = ours(models("ours"), PAPER), ours(models("ours"), PAPER)
    generator.precision = Precision("bf16")
    few = [random_batch(FEW_ROWS // generator.options.beam, seed) for seed in (1, 2, 3)]
    found = [one for sample in few for one in generator.generate(None, sample)]
    generator.generate(None, random_batch(FEW_ROWS, 4))
    assert asked == [("float32", "bf16")] * 3 + [("bf16", "bf16")]
    wanted = [one for sample in few for one in exact.generate(None, sample)]
    same = sum(a[0]["tokens"].tolist() == b[0]["tokens"].tolist() for a, b in zip(wanted, found, strict=True))
    assert same >= 0.8 * len(wanted)


@pytest.mark.parametrize(("keeps", "times"), [(True, 1), (False, 0)])
def test_a_search_keeps_freed_memory_unless_told_not_to(keeps, times, monkeypatch):
    calls = []
    monkeypatch.setattr("aat_plugin.training.memory.keep_freed", lambda: calls.append(None))
    generator = build_generator(toy.Task(), models("ours"), Namespace(beam=2), search=PAPER, keep_memory=keeps)
    for seed in (1, 2):
        generator.generate(None, random_batch(3, seed))
    assert len(calls) == times


def test_half_precision_models_are_searched_in_float32():
    model = toy.trained(toy.aat_transformer, 60).bfloat16()
    for hypotheses in ours([model], PAPER).generate(None, random_batch(10, 15)):
        assert hypotheses[0]["positional_scores"].dtype == torch.float32
        assert torch.isfinite(hypotheses[0]["score"])


@pytest.mark.parametrize("name", ["lstm", "fconv", "both"])
def test_models_that_leave_attention_out_unless_asked_are_asked(name):
    for model in models(name):
        for module in model.modules():
            if isinstance(getattr(module, "need_attn", None), bool):
                module.need_attn = False
    for hypotheses in ours(models(name), replace_unk="").generate(None, random_batch(5, 17)):
        for h in hypotheses:
            assert len(h["alignment"]) == len(h["tokens"]) - 1


def test_a_model_made_fast_for_one_beam_can_be_searched_with_another():
    fast = copy.deepcopy(models("fconv")[0])
    fast.make_generation_fast_(beamable_mm_beam_size=5, need_attn=True)
    sample = random_batch(20, 19)
    slow = ours(models("fconv"), beam=3).generate(None, sample)
    same, total = compare(ours([fast], beam=3).generate(None, sample), slow)
    assert same == total


def test_dropout_is_retained_where_the_model_can_and_refused_where_it_cannot():
    model = toy.stock_transformer()
    model.eval()
    with pytest.raises(UnsupportedOptionError, match="--retain-dropout"):
        ours([model], retain_dropout=True)  # nobody has switched it on
    for module in model.modules():
        if isinstance(module, FairseqDropout):
            module.p = 0.5
    generation = Namespace(retain_dropout=True, retain_dropout_modules=None, beam=5, print_alignment=None)
    model.prepare_for_inference_(Namespace(generation=generation))
    generator, sample = ours([model], retain_dropout=True), random_batch(4, 1)
    one, two = generator.generate(None, sample), generator.generate(None, sample)
    assert one[0][0]["score"] != two[0][0]["score"]
    with pytest.raises(UnsupportedOptionError, match="--retain-dropout"):
        ours(models("ours"), retain_dropout=True)
