"""Every sentence is trained on, validated and translated, and what is over a limit is named."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, LanguagePairDataset
from omegaconf import OmegaConf

import aat_plugin
from aat_plugin.errors import DataError

pytestmark = pytest.mark.fairseq

PLUGIN = Path(aat_plugin.__file__).parent


@pytest.fixture(scope="module")
def make_task():
    """An aat_translation task over a small dictionary, without files."""
    aat_plugin.register()
    from aat_plugin.bindings.translation_task import AatTranslationConfig, AatTranslationTask

    def build():
        dictionary = Dictionary()
        for index in range(20):
            dictionary.add_symbol(f"w{index}")
        cfg = OmegaConf.structured(AatTranslationConfig(data="unused", source_lang="a", target_lang="b"))
        return AatTranslationTask(cfg, dictionary, dictionary)

    return build


def data_set(task, lengths, **options):
    from aat_plugin.bindings.datasets import AatLanguagePairDataset

    sentences = [torch.cat([torch.full((length - 1,), 5), torch.tensor([2])]) for length in lengths]
    stock = LanguagePairDataset(
        sentences, np.array(lengths), task.src_dict, sentences, np.array(lengths), task.tgt_dict, shuffle=True
    )
    return AatLanguagePairDataset.adopt(stock, **options)


def seen(iterator):
    return sorted(int(index) for batch in iterator for index in batch["id"])


@pytest.mark.parametrize("size", range(1, 51))
def test_an_epoch_holds_each_of_1_to_50_sentences_once(make_task, size):
    task = make_task()
    data = data_set(task, [2 + index % 6 for index in range(size)])
    batches = task.get_batch_iterator(data, max_tokens=40, max_positions=(30, 30), required_batch_size_multiple=8)
    for shuffle in (True, False):
        assert seen(batches.next_epoch_itr(shuffle=shuffle)) == list(range(size))


@pytest.mark.parametrize("devices", [2, 3])
def test_all_devices_together_hold_each_sentence_once(make_task, devices):
    together = []
    for device in range(devices):
        task = make_task()
        data = data_set(task, [2 + index % 6 for index in range(29)])
        batches = task.get_batch_iterator(
            data, max_tokens=20, required_batch_size_multiple=8, num_shards=devices, shard_id=device
        )
        together += [index for batch in batches.next_epoch_itr(shuffle=True) if batch for index in batch["id"].tolist()]
    assert sorted(together) == list(range(29))


def test_over_long_sentences_are_left_out_of_training_counted_and_named(make_task, caplog):
    task = make_task()
    data = data_set(task, [5, 40, 6, 50])
    batches = task.get_batch_iterator(data, max_tokens=100, max_positions=(30, 30), ignore_invalid_inputs=True)
    assert seen(batches.next_epoch_itr(shuffle=False)) == [0, 2]
    assert "2 of 4 sentences" in caplog.text
    assert "1 (40 → 40 tokens), 3 (50 → 50 tokens)" in caplog.text
    with pytest.raises(DataError, match="--skip-invalid-size-inputs-valid-test"):
        task.get_batch_iterator(data, max_tokens=100, max_positions=(30, 30), disable_iterator_cache=True)


def test_in_generation_sentences_of_any_length_stay(make_task):
    task = make_task()
    data = data_set(task, [5, 40, 6, 500], for_generation=True)
    batches = task.get_batch_iterator(data, max_tokens=100, max_positions=(30, 30), required_batch_size_multiple=8)
    assert seen(batches.next_epoch_itr(shuffle=False)) == [0, 1, 2, 3]


def test_dropouts_seeds_follow_the_update_and_the_micro_batch_and_survive_a_repeated_update(make_task):
    def draws(task, update, micro_batches):
        torch.manual_seed(7 + update)  # as fairseq's trainer does at the start of each update
        numbers = []
        for _ in range(micro_batches):
            task._seed_dropout(update)
            numbers.append(torch.rand(1).item())
            torch.rand(3)  # whatever else a step draws
        return numbers

    undisturbed, resumed = make_task(), make_task()
    first = draws(undisturbed, 3, 2)
    second = draws(undisturbed, 4, 3)
    assert len(set(first + second)) == 5
    assert draws(undisturbed, 4, 3) == second  # an overflow repeats the update
    assert draws(resumed, 4, 3) == second


@pytest.fixture(scope="module")
def trained(tiny_corpus, fairseq_command, tmp_path_factory):
    """A model of two updates, whose longest source is 12 tokens."""
    folder = tmp_path_factory.mktemp("trained")
    fairseq_command(
        "fairseq-train", tiny_corpus, "--user-dir", PLUGIN, "--task", "aat_translation", "--arch",
        "aat_transformer_tiny", "--num-layers", 1, "--d-model", 16, "--d-ff", 16, "--num-heads", 2, "--criterion",
        "aat_label_smoothing", "--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--adam-eps", "1e-9",
        "--lr-scheduler", "aat_noam", "--max-tokens", 400, "--max-update", 2, "--save-dir", folder, "--num-workers", 0,
        "--max-source-positions", 12, "--disable-validation",
    )
    return folder / "checkpoint_last.pt"


def test_generate_translates_every_sentence_of_the_test_set(tiny_corpus, tiny_text, fairseq_command, trained):
    done = fairseq_command(
        "fairseq-generate", tiny_corpus, "--user-dir", PLUGIN, "--task", "aat_translation", "--path", trained,
        "--gen-subset", "test", "--max-tokens", 300, "--beam", 2, "--max-len-b", 10, "--scoring", "sacrebleu",
    )
    sources = re.findall(r"^S-(\d+)", done.stdout, re.M)
    hypotheses = re.findall(r"^H-(\d+)", done.stdout, re.M)
    assert sorted(map(int, sources)) == sorted(map(int, hypotheses)) == list(range(len(sources)))
    assert len(sources) == len((tiny_text / "test.src").read_text().splitlines())


def test_interactive_gives_an_over_long_line_an_empty_hypothesis_and_names_it(tiny_corpus, fairseq_command, trained):
    lines = ["bal den", " ".join(["bal"] * 60), "gor"]
    done = fairseq_command(
        "fairseq-interactive", tiny_corpus, "--user-dir", PLUGIN, "--task", "aat_translation", "--path", trained,
        "--max-source-positions", 12, "--beam", 2, "--buffer-size", 3, "--batch-size", 3,
        stdin="\n".join(lines) + "\n",
    )
    hypotheses = dict(re.findall(r"^H-(\d+)\t\S+\t?(.*)$", done.stdout, re.M))
    assert sorted(hypotheses) == ["0", "1", "2"]
    assert hypotheses["1"].strip() == ""
    assert "61" in done.stdout + done.stderr


def test_a_missing_data_folder_is_one_line(fairseq_command, tmp_path):
    done = fairseq_command(
        "fairseq-train", tmp_path / "nowhere", "--user-dir", PLUGIN, "--task", "aat_translation", "--arch",
        "aat_transformer_tiny", "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--lr-scheduler",
        "aat_noam", "--max-tokens", 100, check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("aat_plugin: data folder")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_namespace_of_eval_bleu_builds_the_plugins_search(make_task):
    from aat_plugin.bindings.model import AatTransformerConfig, AatTransformerModel

    task = make_task()
    cfg = OmegaConf.create({
        "model": {**OmegaConf.to_container(OmegaConf.structured(AatTransformerConfig), resolve=False),
                  "num_layers": 1, "d_model": 16, "d_ff": 16, "num_heads": 2, "max_source_positions": 30,
                  "max_target_positions": 30},
    })
    model = AatTransformerModel.build_model(cfg.model, task).eval()
    assert cfg.model.convention == "paper"  # what was resolved is stored
    assert cfg.model.d_k == 8
    generator = task.build_generator([model], Namespace(beam=2))
    sample = {"net_input": {"src_tokens": torch.tensor([[5, 6, 2]]), "src_lengths": torch.tensor([3])}}
    hypotheses = task.inference_step(generator, [model], sample)
    assert hypotheses[0][0]["tokens"][-1] == 2
    assert len(hypotheses[0][0]["tokens"]) <= 2 + 50 + 1
