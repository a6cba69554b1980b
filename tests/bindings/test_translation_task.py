"""The task's own part: what it stores, warns of and hands to the search. Batching is in test_datasets."""

from __future__ import annotations

import logging
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq import options, tasks
from fairseq.data import LanguagePairDataset
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.optim.adam import FairseqAdam

from aat_plugin.bindings import translation_task
from aat_plugin.bindings.datasets import AatLanguagePairDataset
from aat_plugin.bindings.model import AatTransformerModel
from aat_plugin.bindings.update_iterator import UpdateIterator
from aat_plugin.errors import ConfigError, DataError

PAPER = dict(length_penalty="gnmt", stop_rule="bound", length_limit="sentence", convention="paper")
STOCK = dict(length_penalty="power", stop_rule="count", length_limit="batch", convention="fairseq")
TINY = ("--arch", "aat_transformer_tiny", "--num-layers", "1", "--d-model", "16", "--d-ff", "16", "--num-heads", "2")
PAPERS_ADAM = ("--adam-betas", "(0.9, 0.98)", "--adam-eps", "1e-9")


@pytest.fixture
def data(tmp_path):
    """A folder with two dictionaries, one of them in a language with a longer name."""
    for language in ("de", "en"):
        (tmp_path / f"dict.{language}.txt").write_text("".join(f"w{number} 1\n" for number in range(20)))
    return str(tmp_path)


@pytest.fixture
def configured(data):
    """`configured(flag, …)` -> the whole config of a training, as fairseq-train composes it."""

    def build(*flags: str, arch: tuple[str, ...] = TINY):
        parser = options.get_training_parser()
        words = [data, "--task", "aat_translation", "-s", "en", "-t", "de", "--criterion", "aat_label_smoothing",
                 "--optimizer", "adam", "--lr-scheduler", "aat_noam", *arch, *flags]  # fmt: skip
        return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, words))

    return build


@pytest.mark.parametrize(("flags", "stored"), [
    ((), PAPER), (("--convention", "fairseq"), STOCK),
    (("--convention", "fairseq", "--stop-rule", "bound"), {**STOCK, "stop_rule": "bound"}),
], ids=["paper", "fairseq", "override"])  # fmt: skip
def test_training_stores_the_searchs_resolved_options_in_the_config_that_is_saved(configured, flags, stored):
    cfg = configured(*flags)
    task = tasks.setup_task(cfg.task)
    assert {name: cfg.task[name] for name in stored} == stored
    assert task.search_rules([]) == {name: value for name, value in stored.items() if name != "convention"}


def test_generation_follows_the_models_convention_unless_told_otherwise(data):
    def rules(*flags: str) -> dict[str, object]:
        words = [data, "--task", "aat_translation", "-s", "en", "-t", "de", "--path", "x.pt", *flags]
        cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_generation_parser(), words))
        return tasks.setup_task(cfg.task).search_rules([Namespace(convention="fairseq")])

    expected = {name: value for name, value in STOCK.items() if name != "convention"}
    assert rules() == expected
    assert rules("--length-limit", "sentence") == {**expected, "length_limit": "sentence"}
    assert rules("--convention", "paper") == {name: value for name, value in PAPER.items() if name != "convention"}


@pytest.mark.parametrize(("convention", "beam", "alpha", "rules"), [
    ("paper", 4, 0.6, ("gnmt", "bound")), ("fairseq", 5, 1.0, ("power", "count")),
])
def test_bleu_in_training_searches_by_the_convention_and_by_what_its_arguments_say(
    configured, convention, beam, alpha, rules
):
    cfg = configured("--convention", convention)
    task = tasks.setup_task(cfg.task)
    model = AatTransformerModel.build_model(cfg.model, task)
    found = task.build_generator([model], Namespace()).options
    assert (found.beam, found.alpha, found.length_penalty, found.stop_rule) == (beam, alpha, *rules)
    told = task.build_generator([model], Namespace(beam=2, lenpen=0.3)).options
    assert (told.beam, told.alpha, told.length_penalty) == (2, 0.3, rules[0])


@pytest.mark.parametrize(("flags", "warned"), [
    (("--lr-scheduler", "inverse_sqrt", "--lr", "1e-3"), ["--adam-betas", "--adam-eps"]),
    (("--lr-scheduler", "inverse_sqrt", "--lr", "1e-3", *PAPERS_ADAM), []),
    (("--lr-scheduler", "fixed", "--optimizer", "sgd", "--lr", "1"), []),
    ((), []),  # aat_noam warns when it is built, with the optimizer at hand
], ids=["stock's", "the paper's", "no Adam", "our schedule"])  # fmt: skip
def test_an_adam_of_another_convention_is_warned_of_under_stock_schedules_too(configured, caplog, flags, warned):
    with caplog.at_level(logging.WARNING):
        tasks.setup_task(configured(*flags).task)
    assert [record.message.split()[0] for record in caplog.records] == warned


def test_a_stock_model_has_no_convention_and_no_warning(configured, caplog):
    with caplog.at_level(logging.WARNING):
        tasks.setup_task(configured("--lr-scheduler", "fixed", arch=("--arch", "transformer")).task)
    assert not caplog.records


def test_an_unknown_convention_is_named_before_anything_is_loaded(configured):
    with pytest.raises(ConfigError, match=r"convention='papers' .*did you mean 'paper'"):
        tasks.setup_task(configured("--convention", "papers").task)


@pytest.mark.parametrize(("flags", "words"), [
    (("--target-lang", "fr"), r"dict\.fr\.txt does not exist \(dictionaries there: dict\.de\.txt, dict\.en\.txt\)"),
    (("--left-pad-source", "perhaps"), "left_pad_source='perhaps' is neither true nor false"),
])  # fmt: skip
def test_what_is_missing_or_wrong_is_one_line(configured, flags, words):
    with pytest.raises((DataError, ConfigError), match=words):
        tasks.setup_task(configured(*flags).task).load_dataset("valid")


def test_updates_of_real_tokens_are_for_training_alone_and_kept_over_epochs(configured):
    task = tasks.setup_task(configured("--tokens-per-update", "60", "--update-freq", "2").task)
    words, sizes = [torch.full((length,), 4) for length in range(3, 30)], np.arange(3, 30)
    dictionary = task.source_dictionary
    stock = LanguagePairDataset(words, sizes, dictionary, words, sizes, dictionary)
    dataset = AatLanguagePairDataset.adopt(stock)
    as_the_trainer = dict(max_tokens=100, grouped_shuffling=False, update_epoch_batch_itr=False, max_positions=(25, 25))
    training = task.get_batch_iterator(dataset, ignore_invalid_inputs=True, num_shards=2, shard_id=1, **as_the_trainer)
    assert isinstance(training, UpdateIterator)
    assert (training.plan(1, True).packs, training.size.tokens) == (4, 60)
    assert sorted(training.indices.tolist()) == list(range(23)), "those over max_positions are left out"
    assert task.get_batch_iterator(dataset, epoch=2, **as_the_trainer) is training
    assert not isinstance(task.get_batch_iterator(AatLanguagePairDataset.adopt(stock), max_tokens=100), UpdateIterator)


def test_an_empty_micro_batch_weighs_nothing_wherever_it_stands(configured):
    cfg = configured()
    task = tasks.setup_task(cfg.task)
    model, criterion = AatTransformerModel.build_model(cfg.model, task), task.build_criterion(cfg.criterion)
    words = [torch.tensor([4, 5, 2])]
    dataset = LanguagePairDataset(words, np.array([3]), task.source_dictionary, words, np.array([3]),
                                  task.target_dictionary)  # fmt: skip
    sample = dataset.collater([dataset[0]])
    optimizer = SimpleNamespace(backward=lambda loss: loss.backward())
    for ignored, expected in ((False, 3), (True, 0)):
        model.zero_grad()
        _, weight, logged = task.train_step(sample, model, criterion, optimizer, 0, ignore_grad=ignored)
        assert weight == expected
        assert (float(logged["loss"]) == 0) is ignored
        assert all((float(one.grad.abs().sum()) == 0) is ignored for one in model.parameters() if one.grad is not None)


@pytest.mark.parametrize("left_out", [0, 2])
def test_the_norm_by_one_call_stands_in_for_fairseqs_and_leaves_the_rest_to_it(left_out):
    """As on a GPU: gradients or none, and what fairseq would say."""
    parameters = [torch.nn.Parameter(torch.ones(3) * number) for number in (1.0, 2.0)]
    optimizer = FairseqAdam.__new__(FairseqAdam)
    optimizer._optimizer = torch.optim.SGD(parameters, lr=1.0)
    for parameter in parameters[left_out:]:
        parameter.grad = parameter.detach().clone()
    expected = FairseqAdam.clip_grad_norm(optimizer, 0.0)
    translation_task._clip_at_once(optimizer)
    assert float(optimizer.clip_grad_norm(0.0)) == pytest.approx(float(expected))
    assert "clip_grad_norm" in vars(optimizer)
