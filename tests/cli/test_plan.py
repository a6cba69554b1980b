"""`aat plan`: the numbers restated, the batches that it fits to a device, the line that it prints composed again."""

from __future__ import annotations

import json
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, indexed_dataset

from aat_plugin import cli
from aat_plugin.bindings.compose import composed

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ROOT = Path(__file__).resolve().parents[2]


def planned(capsys, *words: str) -> dict:
    assert cli.main(["plan", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_base_model_on_the_papers_eight_gpus_restated(capsys):
    found = planned(capsys, "wmt14_en_de_base", "--gpus", "8", "--utilisation", "0.4")
    assert found["parameters"] == 63_045_632
    assert (found["batches"]["update_freq"], found["batches"]["tokens_per_update"]) == (1, 25_000)
    assert (found["updates"], found["updates_per_epoch"]) == (100_000, -(-4_500_000 * 28 // 25_000))
    assert found["memory"]["weights"] == found["memory"]["gradients"] == 4 * 63_045_632
    assert found["memory"]["optimizer"] == 8 * 63_045_632
    d, inner, layers = 512, 2048, 6
    products = 25_000 * layers * (2 * (4 * d * d + 2 * d * inner) + 4 * d * d) + 25_000 * d * 37_000
    length = 28 * np.exp(0.36)
    squares = layers * 2 * d * 25_000 * 3 * length
    assert found["operations"] == pytest.approx(3 * 2 * (products + squares), rel=1e-9)
    seconds = 100_000 * found["operations"] / (8 * 10.6e12 * 0.4)
    assert found["hours"]["P100"] == pytest.approx(seconds / 3600)
    assert found["paper_hours"] == 12


@pytest.mark.parametrize(("words", "update_freq", "of_the_line"), [
    (["wmt14_en_de_big", "--gpus", "1", "--memory", "80GiB"], 8, "hardware=gpu1"),
    (["wmt14_en_de_big", "--gpus", "4", "--memory", "7GiB"], 4, "dataset.max_tokens=2500"),
    (["wmt14_en_de_base", "--gpus", "3"], 8, "distributed_training.distributed_world_size=3"),
    (["wmt14_en_fr_big", "--gpus", "16", "precision=bf16"], 1, "launch_torchrun.sh --nodes 2 --nproc 8 --master"),
])  # fmt: skip
def test_the_batches_fit_the_devices_and_the_line_says_so(capsys, words, update_freq, of_the_line):
    found = planned(capsys, *words)
    batches = found["batches"]
    assert batches["update_freq"] == update_freq
    assert (batches["gpus"] * update_freq) % 8 == 0, "each length of an update has its packs"
    assert found["fits"] in (True, None)
    assert of_the_line in found["launch"]
    typed = shlex.split(found["launch"])
    cfg = composed(ROOT / "conf", words[0], typed[typed.index(words[0]) + 1 :])
    assert cfg.distributed_training.distributed_world_size == batches["gpus"]
    assert list(cfg.optimization.update_freq) == [update_freq]
    assert cfg.dataset.max_tokens == batches["max_tokens"]
    assert cfg.task.tokens_per_update == 25_000


@pytest.mark.parametrize(("words", "said"), [
    (["wmt14_en_de_bas"], "did you mean 'wmt14_en_de_base'"),
    (["wmt14_en_de_base", "model.droput=0.2"], "model.droput"),
    (["wmt14_en_de_base", "+model.droput=0.2"], "did you mean 'dropout'"),
    (["wmt14_en_de_base", "scale=bigger"], "scale"),
    (["wmt14_en_de_base", "system=fairseq"], "give system=aat"),
    (["wmt14_en_fr_big", "system=gru", "--gpus", "4"], "model aat_gru: only the plugin's own Transformer can be"),
    (["wmt14_en_de_base", "--memory", "much"], "16GiB"),
    (["wmt14_en_de_base", "--utilisation", "40"], "between 0 and 1"),
    (["wmt14_en_de_base", "--memory", "1GiB"], "cannot train this model"),
    (["multi30k_en_de", "task.data=nowhere"], "there is no data-bin at nowhere"),
    (["wmt14_en_de_base", "task.data=nowhere", "--batches"], "--batches needs a data-bin"),
])  # fmt: skip
def test_a_mistake_is_one_line(capsys, words, said):
    assert cli.main(["plan", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.fixture(scope="module")
def data_bin(tmp_path_factory):
    """3,000 pairs of lengths like a newspaper's, all of one word."""
    folder = tmp_path_factory.mktemp("data-bin")
    dictionary = Dictionary()
    dictionary.add_symbol("word", n=10)
    generator = np.random.default_rng(2)
    source = np.clip(np.exp(generator.normal(3, 0.6, 3000)), 1, 200)
    for language, lengths in (("en", source), ("de", source * np.exp(generator.normal(0, 0.2, 3000)))):
        dictionary.save(str(folder / f"dict.{language}.txt"))
        prefix = f"{folder}/train.en-de.{language}"
        builder = indexed_dataset.make_builder(f"{prefix}.bin", impl="mmap", vocab_size=5)
        for length in lengths:
            builder.add_item(torch.full((int(length) + 1,), 4, dtype=torch.int32))
        builder.finalize(f"{prefix}.idx")
    return folder


def test_a_data_bin_is_read_and_its_batches_are_counted_beside_fairseqs(capsys, data_bin):
    words = ("wmt14_en_de_base", f"task.data={data_bin}", "task.tokens_per_update=2500", "dataset.max_tokens=800")
    found = planned(capsys, *words, "--gpus", "4", "--batches")
    assert (found["corpus"]["pairs"], found["corpus"]["vocabulary"]) == (3000, 5)
    ours, theirs = (found["batch_figures"][name] for name in ("updates of real tokens", "fairseq's batches"))
    assert ours["updates"] == found["updates_per_epoch"]
    assert ours["target_spread"] < 0.03 < theirs["target_spread"]
    assert cli.main(["plan", *words, "--gpus", "4", "--batches"]) == 0
    printed = capsys.readouterr().out
    assert "target spread" in printed
    assert "fairseq-hydra-train" in printed


def test_the_page_of_all_plans_is_that_of_the_code():
    script = runpy.run_path(str(ROOT / "scripts/write_plan.py"))
    page = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
    assert page == script["text"](), "docs/plan.md is behind the code: run scripts/write_plan.py"
