"""The task of Section 6.3: its search's defaults and limits, the constraint in the beam, F1, silver trees."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace

import pytest
import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.logging import metrics
from toy_parsing import configure, make_model, make_task, prepare, train

from aat_plugin.bindings.parser import Parser, ParseSearch
from aat_plugin.bindings.parsing_data import MixedDataset
from aat_plugin.cli.dispatch import main
from aat_plugin.errors import ConfigError, DataError, UnsupportedOptionError
from aat_plugin.parsing.repair import rebuild


@pytest.fixture
def loaded(toy_parser):
    """`loaded(checkpoint, option=…)` -> (model, task) with the test set, as fairseq-generate has them."""
    from fairseq import checkpoint_utils

    def load(path, **overrides):
        models, cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], arg_overrides=overrides)
        task.load_dataset("test", task_cfg=cfg.task)
        return models[0].eval(), task

    return load


def sample(task, split="test", chosen=None):
    data = task.datasets[split]
    return data.collater([data[index] for index in (range(len(data)) if chosen is None else chosen)])


def lengths(batch):
    """|x| of each sentence: its tokens without padding and the end symbol, (sentences,)."""
    return (batch["net_input"]["src_tokens"] > 2).sum(1).tolist()


def said(task, entry):
    assert int(entry["tokens"][-1]) == task.target_dictionary.eos()
    return [task.target_dictionary[int(index)] for index in entry["tokens"][:-1]]


def test_generation_has_section_6_3s_search_where_the_command_names_no_other(toy_parser):
    def parsed(*flags: str):
        words = [str(toy_parser.data / "data-bin"), "--task", "aat_parsing", "--path", "x.pt", *flags]
        return convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_generation_parser(), words))

    stock, told = parsed(), parsed("--beam", "4", "--lenpen", "1", "--max-extra", "7")
    assert (stock.generation.beam, stock.generation.lenpen, stock.task.max_extra) == (21, 0.3, 300)
    assert (told.generation.beam, told.generation.lenpen, told.task.max_extra) == (4, 1.0, 7)
    assert (stock.task.source_lang, stock.task.target_lang, stock.task.constrained) == ("words", "symbols", False)


def test_a_caller_has_them_too_and_a_training_task_leaves_its_parser_alone(toy_parser):
    cfg = configure(toy_parser.data)
    task = make_task(cfg)
    found = task.build_generator([make_model(cfg, task)], Namespace())
    assert (found.options.beam, found.options.alpha) == (len(task.target_dictionary) - 1, 0.3)  # 15 symbols, no more
    assert (found.flags.max_len_a, found.flags.max_len_b, found.options.length_penalty) == (1, 300, "gnmt")
    told = task.build_generator([make_model(cfg, task)], Namespace(beam=3, lenpen=0.0))
    assert (told.options.beam, told.options.alpha) == (3, 0.0)


@pytest.mark.parametrize("option", [{"max_len_a": 2}, {"max_len_b": 60}])
def test_fairseqs_lengths_are_refused_with_what_takes_their_place(toy_parser, option):
    cfg = configure(toy_parser.data)
    task = make_task(cfg)
    with pytest.raises(UnsupportedOptionError, match=r"--max-len-[ab] .*--max-extra"):
        task.build_generator([make_model(cfg, task)], Namespace(**option))


@pytest.mark.parametrize("extra", [0, 5, 300])
def test_no_output_is_over_its_own_sentences_limit_and_a_search_that_never_ends_reaches_it(loaded, toy_parser, extra):
    """The end symbol is made the last choice of a greedy search, which so runs into |x| + extra, subwords counted."""
    model, task = loaded(toy_parser.untrained, max_extra=extra)
    original = model.get_normalized_probs

    def reluctant(*args, **kwargs):
        probs = original(*args, **kwargs)
        probs[..., task.target_dictionary.eos()] -= 1e4
        return probs

    model.get_normalized_probs = reluctant
    batch = sample(task, chosen=range(6))
    found = task.inference_step(task.build_generator([model], Namespace(beam=1)), [model], batch)
    assert len(set(lengths(batch))) > 1
    assert [len(entries[0]["tokens"]) - 1 for entries in found] == [length + extra for length in lengths(batch)]


@pytest.mark.parametrize("which", ["trained", "untrained"])
@pytest.mark.parametrize(("beam", "extra"), [(1, 300), (15, 300), (4, 8), (15, 0)])
def test_constrained_hypotheses_are_trees_over_the_sentences_words_all_of_them(loaded, toy_parser, which, beam, extra):
    """Every entry of the beam, in batches of unequal sentences, of which some have fewer moves than beams."""
    model, task = loaded(getattr(toy_parser, which), constrained=True, max_extra=extra)
    batch = sample(task, chosen=range(8))
    words = batch["num_words"].tolist()
    assert words != lengths(batch)  # subwords are more
    found = task.inference_step(task.build_generator([model], Namespace(beam=beam, nbest=beam)), [model], batch)
    for number, length, entries in zip(words, lengths(batch), found, strict=True):
        assert entries
        for entry in entries:
            symbols = said(task, entry)
            assert rebuild(task.treebank.linearisation, symbols, ["w"] * number).repairs == {}
            assert len(symbols) <= length + extra
            assert sum(symbol == "XX" for symbol in symbols) == number


def test_a_free_search_of_the_same_model_does_need_repairs(loaded, toy_parser):
    model, task = loaded(toy_parser.untrained)
    batch = sample(task)
    found = task.inference_step(task.build_generator([model], Namespace(beam=2)), [model], batch)
    made = [rebuild(task.treebank.linearisation, said(task, entries[0]), ["w"] * number)
            for number, entries in zip(batch["num_words"].tolist(), found, strict=True)]
    assert any(one.repairs for one in made)


def test_probabilities_are_masked_and_not_renormalised(loaded, toy_parser):
    """A constrained hypothesis has the log-probability that the model alone gives it, Σ log p / ((5 + |Y|) / 6)^α."""
    model, task = loaded(toy_parser.untrained, constrained=True)
    batch = sample(task, chosen=[3])
    [[entry, *_]] = task.inference_step(task.build_generator([model], Namespace(beam=3)), [model], batch)
    tokens = entry["tokens"][None]
    previous = torch.cat([tokens[:, -1:], tokens[:, :-1]], dim=1)
    with torch.no_grad():
        out = model(batch["net_input"]["src_tokens"], batch["net_input"]["src_lengths"], previous)
        each = model.get_normalized_probs(out, log_probs=True).gather(2, tokens[..., None]).squeeze()
    torch.testing.assert_close(entry["positional_scores"], each, rtol=1e-4, atol=1e-4)
    penalty = ((5 + tokens.size(1)) / 6) ** 0.3
    assert float(entry["score"]) == pytest.approx(float(each.sum()) / penalty, rel=1e-4)


def test_a_batch_whose_words_nobody_counted_is_one_line_and_points_to_aat_parse(loaded, toy_parser):
    model, task = loaded(toy_parser.trained, constrained=True)
    batch = {key: value for key, value in sample(task).items() if key != "num_words"}
    with pytest.raises((ConfigError, SystemExit), match="aat parse"):
        task.inference_step(task.build_generator([model], Namespace(beam=2)), [model], batch)


def test_f1_while_training_is_that_of_parsing_greedily_and_scoring(toy_parser, tmp_path, capsys):
    cfg = configure(toy_parser.data, "--eval-f1", "--eval-f1-sentences", 13)
    task = make_task(cfg)
    model = task.build_model(cfg.model).eval()
    model.load_state_dict(torch.load(toy_parser.trained)["model"])
    task.load_dataset("valid")
    data = task.datasets["valid"]
    gold = dict(data.gold)
    assert len(gold) == 13
    criterion = task.build_criterion(cfg.criterion)
    outputs = []
    for chosen in (range(7), range(7, 20)):
        _, _, logged = task.valid_step(sample(task, "valid", chosen), model, criterion)
        outputs.append(logged)
    with metrics.aggregate() as found:
        task.reduce_metrics(outputs, criterion)
    values = found.get_smoothed_values()

    parser = Parser([toy_parser.trained], None, ParseSearch(beam=1), "cpu")
    lines = [line for _, line in sorted(gold.items())]
    (tmp_path / "gold").write_text("\n".join(lines) + "\n")
    from aat_plugin.parsing.trees import read_line, to_line

    parses = parser.parse([read_line(line).words() for line in lines])
    (tmp_path / "pred").write_text("".join(f"{to_line(one.tree)}\n" for [one] in parses))
    capsys.readouterr()
    assert main(["score", "parse", "--gold", str(tmp_path / "gold"), "--pred", str(tmp_path / "pred"), "--json"]) == 0
    assert values["f1"] == pytest.approx(json.loads(capsys.readouterr().out)["all"]["f1"], abs=0.006)
    assert values["malformed"] == round(100 * sum(bool(one.repairs) for [one] in parses) / 13, 2)
    assert values["f1"] > 0


def test_a_batch_without_a_sentence_of_the_sample_counts_nothing(toy_parser):
    cfg = configure(toy_parser.data, "--eval-f1", "--eval-f1-sentences", 1)
    task = make_task(cfg)
    task.build_model(cfg.model)
    task.load_dataset("valid")
    counts = task._count(sample(task, "valid", range(5, 9)))
    assert set(counts.values()) == {0}


def test_training_mixes_what_was_prepared_and_validation_does_not(tmp_path):
    data = prepare(tmp_path, "--bpe", "0", silver=70)
    task = make_task(configure(data, "--silver-ratio", "0.25"))
    task.load_dataset("train", combine=True)
    task.load_dataset("valid", combine=False)
    mixed = task.datasets["train"]
    assert isinstance(mixed, MixedDataset)
    batches = task.get_batch_iterator(mixed, max_tokens=300, max_positions=(340, 660), seed=5, epoch=2)
    assert mixed.seed == 5
    assert sum(len(batch["id"]) for batch in batches.next_epoch_itr()) == 200 + 50
    assert len(task.datasets["valid"]) == 20
    assert not isinstance(task.datasets["valid"], MixedDataset)
    plain = make_task(configure(data))
    plain.load_dataset("train", combine=True)
    assert len(plain.datasets["train"]) == 200


def test_what_is_missing_or_broken_beside_the_data_is_one_line(toy_parser, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(toy_parser.data, data)

    def task(*flags):
        return tasks.setup_task(configure(data, *flags).task)

    with pytest.raises(DataError, match="silver"):
        task("--silver-ratio", "1").load_dataset("train", combine=True)
    (data / "data-bin" / "valid.num_words").write_text("3\n")
    with pytest.raises(DataError, match="1 numbers for 20 sentences"):
        task().load_dataset("valid")
    (data / "data-bin" / "test.trees").unlink()
    with pytest.raises(DataError, match=r"test\.trees"):
        task("--eval-f1").load_dataset("test")
    (data / "data-bin" / "treebank.json").write_text("{}")
    with pytest.raises(DataError, match=r"treebank\.json .*prepare the data again"):
        _ = task().treebank
    (data / "data-bin" / "treebank.json").unlink()
    with pytest.raises(DataError, match=r"treebank\.json"):
        _ = task().treebank
    with pytest.raises(DataError, match="aat prepare trees"):
        task().load_dataset("dev")


def test_the_leaves_stand_for_a_token_each_and_not_for_a_subword(toy_parser):
    task = make_task(configure(toy_parser.words_data))
    assert [task.target_dictionary[index] for index in task.leaf_symbols()] == ["XX"]
    with pytest.raises(ConfigError, match=r"next_word needs a token a word.*--bpe 0"):
        make_task(configure(toy_parser.data)).leaf_symbols()


@pytest.mark.parametrize("constrained", [False, True])
def test_a_decoder_that_is_given_the_next_word_says_the_same_with_a_cache_and_without(
    toy_parser, monkeypatch, constrained
):
    cfg = configure(toy_parser.words_data, "--next-word", *(["--constrained"] if constrained else []))
    task = make_task(cfg)
    model = train(task, make_model(cfg, task), 40)
    task.load_dataset("test")
    batch, found = sample(task), {}
    assert len(set(lengths(batch))) > 1  # sentences leave the batch at different steps
    for incremental in (True, False):
        generator = task.build_generator([model], Namespace(beam=4))
        monkeypatch.setattr(generator.ensemble, "has_incremental", incremental)
        found[incremental] = [[said(task, entry) for entry in entries] for entries in generator.generate(None, batch)]
    assert found[True] == found[False]
    assert len({tuple(entries[0]) for entries in found[True]}) > 3
