"""The generator inside the process: against fairseq's own on the same trained models, and what it adds to it."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
import toy_translation as toy
from fairseq.ngram_repeat_block import NGramRepeatBlock
from toy_translation import PAPER, batch, compare, models, ours, random_batch, theirs

from aat_plugin.bindings.generator import build_generator
from aat_plugin.errors import AatError, ConfigError, UnsupportedOptionError


@pytest.mark.parametrize("flags", [
    {}, {"beam": 1}, {"beam": 4, "lenpen": 0.6}, {"lenpen": 2.0}, {"unnormalized": True}, {"min_len": 6},
    {"min_len": 0}, {"unkpen": 4.0}, {"unkpen": -4.0}, {"temperature": 0.5}, {"temperature": 3.0},
    {"beam": 12, "max_len_b": 0}, {"max_len_a": 0, "max_len_b": 5}, {"max_len_b": 1000},
], ids=str)  # fmt: skip
def test_with_fairseqs_rules_it_returns_what_fairseq_returns(flags):
    toy.assert_as_stock(models("stock"), [random_batch(40, seed) for seed in (1, 2, 3)], **flags)


@pytest.mark.parametrize("width", [1, 2])
def test_prefixes_are_continued_as_in_fairseq(width):
    for name in ("stock", "ours"):
        toy.assert_as_stock(models(name), [random_batch(40, seed) for seed in (7, 8)], prefix=width)


def test_a_prefix_that_holds_the_end_symbol_is_the_one_hypothesis():
    sample = batch([7, 3, 2], seed=3)
    found = ours(models("ours")).generate(None, sample, prefix_tokens=sample["target"][:, :4])
    stock = theirs(models("ours")).generate(None, sample, prefix_tokens=sample["target"][:, :4])
    assert compare([found[0]], [stock[0]]) == (5, 5)
    for mine, other in zip(found[1:], stock[1:], strict=True):
        (only,) = mine  # fairseq returns `beam` copies of it
        assert only["tokens"].tolist() == other[0]["tokens"].tolist()
        torch.testing.assert_close(only["score"], other[0]["score"])


def test_ngram_blocking_is_what_fairseqs_is_meant_to_be(monkeypatch):
    # Without its CUDA extension fairseq 0.12.3 compares with the padding behind the hypotheses and so blocks nothing.
    blocked = NGramRepeatBlock._no_repeat_ngram
    monkeypatch.setattr(
        NGramRepeatBlock, "_no_repeat_ngram",
        lambda self, tokens, lprobs, bsz, beam, step: blocked(self, tokens[:, : step + 1], lprobs, bsz, beam, step),
    )  # fmt: skip
    samples = [random_batch(40, seed) for seed in (9, 10)]
    for size in (2, 3):
        toy.assert_as_stock(models("stock"), samples, no_repeat_ngram_size=size, min_len=8)
    plain = ours(models("stock"), min_len=8).generate(None, samples[0])
    kept = ours(models("stock"), min_len=8, no_repeat_ngram_size=2).generate(None, samples[0])
    assert [h[0]["tokens"].tolist() for h in plain] != [h[0]["tokens"].tolist() for h in kept]


def test_each_sentence_is_translated_as_if_it_were_alone_under_the_papers_rules():
    lengths = [9, 7, 5, 5, 3, 2]
    together = batch(lengths, seed=5)
    generator = ours(models("ours"), PAPER, beam=4, lenpen=0.6, max_len_b=2)
    found = generator.generate(None, together)
    for place, length in enumerate(lengths):
        alone = {"net_input": {"src_tokens": together["net_input"]["src_tokens"][place : place + 1, -length - 1 :]}}
        (mine,) = generator.generate(None, alone)
        assert [h["tokens"].tolist() for h in mine] == [h["tokens"].tolist() for h in found[place]]
        assert max(len(h["tokens"]) for h in found[place]) <= length + 2 + 1
        torch.testing.assert_close(mine[0]["score"], found[place][0]["score"], rtol=1e-4, atol=1e-4)


def test_the_papers_score_is_log_p_over_the_gnmt_penalty():
    for hypotheses in ours(models("ours"), PAPER, lenpen=0.6).generate(None, random_batch(20, 12)):
        for h in hypotheses:
            expected = h["positional_scores"].sum() / ((5 + len(h["tokens"])) / 6) ** 0.6
            torch.testing.assert_close(h["score"], expected, rtol=1e-5, atol=1e-5)


def test_the_bound_rule_finds_no_worse_a_hypothesis_for_one_than_for_all():
    sample = random_batch(40, 13)
    one = ours(models("ours"), PAPER, nbest=1).generate(None, sample)
    all_ = ours(models("ours"), PAPER, nbest=5).generate(None, sample)
    assert [h[0]["tokens"].tolist() for h in one] == [h[0]["tokens"].tolist() for h in all_]
    assert all(len(h) == 5 for h in all_)


def test_a_start_symbol_can_be_given():
    word = int(random_batch(1, 1)["target"][0, 0])
    sample = random_batch(20, 14)
    found = ours(models("stock")).generate(None, sample, bos_token=word)
    same, total = compare(found, theirs(models("stock")).generate(None, sample, bos_token=word))
    assert same == total


def test_min_len_above_a_sentences_limit_is_an_error_and_not_a_longer_sentence():
    with pytest.raises(ConfigError, match=r"--min-len 9 .* 6;"):
        ours(models("ours"), PAPER, min_len=9).generate(None, batch([8, 2], seed=1))


def test_building_a_generator_switches_training_off_and_the_symbols_to_strip_are_kept():
    model = models("ours")[0].train()
    generator = build_generator(
        toy.Task(), [model], Namespace(), search=PAPER,
        extra_gen_cls_kwargs={"lm_model": None, "lm_weight": 0.0, "symbols_to_strip_from_output": {7}},
    )  # fmt: skip
    assert not model.training
    assert generator.symbols_to_strip_from_output == {7, toy.EOS}
    assert ours(models("ours"), score_reference=True).symbols_to_strip_from_output == {toy.EOS}


@pytest.mark.parametrize("extra", [
    {"extra_gen_cls_kwargs": {"lm_model": object(), "lm_weight": 0.3}},
    {"extra_gen_cls_kwargs": {"tokens_to_suppress": ("w1",)}},
    {"prefix_allowed_tokens_fn": lambda *_: [4]},
], ids=["lm_model", "tokens_to_suppress", "prefix_allowed_tokens_fn"])
def test_what_the_search_cannot_be_given_is_refused_by_name(extra, request):
    with pytest.raises(UnsupportedOptionError, match=request.node.callspec.id):
        build_generator(toy.Task(), models("ours"), Namespace(), search=PAPER, **extra)
    generator = ours(models("ours"))
    with pytest.raises(UnsupportedOptionError, match="constraints"):
        generator.generate(None, random_batch(2, 1), constraints=torch.ones(2, 2))


def test_broken_weights_are_one_clear_error():
    model = toy.aat_transformer()
    with torch.no_grad():
        model.decoder.output_projection.weight.fill_(float("nan"))
    with pytest.raises(AatError, match="NaN"):
        ours([model.eval()]).generate(None, random_batch(2, 1))


def test_a_beam_wider_than_the_vocabulary_is_as_wide_as_the_vocabulary():
    assert ours(models("ours"), beam=1000).options.beam == len(toy.Task.target_dictionary) - 1
