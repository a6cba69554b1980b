"""Checkpoints that travel, under fairseq's own commands: stock ones without a user-dir, and ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.cli.dispatch import main as aat

aat_plugin.register()
pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

RUN = ["--max-tokens", 400, "--num-workers", 0, "--no-epoch-checkpoints", "--cpu", "--seed", 7, "--optimizer", "adam"]
SIZES = ["--num-layers", 2, "--d-model", 16, "--d-ff", 32, "--num-heads", 2]
OURS = ["--task", "aat_translation", "--arch", "aat_transformer", *SIZES, "--criterion", "aat_label_smoothing"]
STOCK = ["--arch", "transformer", "--criterion", "label_smoothed_cross_entropy", "--lr", 0.01, "--share-all-embeddings"]
STOCK += ["--label-smoothing", 0.1]
for side in ("encoder", "decoder"):
    STOCK += [f"--{side}-layers", 2, f"--{side}-embed-dim", 16, f"--{side}-ffn-embed-dim", 32]
    STOCK += [f"--{side}-attention-heads", 2]
SEARCH = ["--beam", 4, "--lenpen", 0.6, "--max-len-b", 12, "--cpu", "--num-workers", 0, "--batch-size", 10]
AS_STOCK = ["--length-penalty", "power", "--stop-rule", "count", "--length-limit", "batch"]


@pytest.fixture(scope="module")
def generated(fairseq_command, tiny_corpus, user_dir):
    """`generated(path, way)` -> sentence number → its best hypothesis."""
    ways = {
        "ours": ["--user-dir", user_dir, "--task", "aat_translation", *AS_STOCK],
        "stock": ["--required-batch-size-multiple", 1],
        # What stock's `transformer` saves, today's torch reads under the plugin's allow-list only.
        "stock, read safely": ["--user-dir", user_dir, "--task", "translation", "--required-batch-size-multiple", 1],
    }

    def run(path: Path, way: str) -> dict[str, str]:
        done = fairseq_command("fairseq-generate", tiny_corpus, "--path", path, *SEARCH, *ways[way])
        found = dict(re.findall(r"^H-(\d+)\t\S+\t(.*)$", done.stdout, flags=re.MULTILINE))
        assert len(found) == 25
        return found

    return run


@pytest.mark.parametrize("dialect", ["paper", "t2t_release", "t2t_head", "fairseq"])
def test_stock_fairseq_translates_an_exported_model_as_ours_does_without_the_plugin(
    dialect, tmp_path, fairseq_command, tiny_corpus, user_dir, generated
):
    more = ["--convention", dialect, "--layer-norm-eps", "1e-5", "--lr-factor", 5, "--warmup-updates", 20]
    fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, *OURS, *RUN, *more, "--lr-scheduler",
                    "aat_noam", "--max-update", 25, "--save-dir", tmp_path)  # fmt: skip
    trained = tmp_path / "checkpoint_last.pt"
    assert aat(["export", "fairseq", str(trained), "-o", str(tmp_path / "stock.pt")]) == 0
    assert generated(tmp_path / "stock.pt", "stock") == generated(trained, "ours")


@pytest.fixture(scope="module")
def stock_run(fairseq_command, tiny_corpus, tmp_path_factory) -> Path:
    """A stock training of 30 updates."""
    folder = tmp_path_factory.mktemp("stock")
    fairseq_command("fairseq-train", tiny_corpus, *STOCK, *RUN, "--max-update", 30, "--save-dir", folder)
    return folder / "checkpoint_last.pt"


def test_an_imported_model_translates_as_it_did_in_stock_fairseq(stock_run, tmp_path, generated):
    assert aat(["import", "fairseq", str(stock_run), "-o", str(tmp_path / "ours.pt")]) == 0
    assert generated(tmp_path / "ours.pt", "ours") == generated(stock_run, "stock, read safely")


def test_an_imported_run_goes_on_with_its_optimizer_by_the_words_that_import_prints(
    stock_run, tmp_path, fairseq_command, tiny_corpus, user_dir, capsys
):
    assert aat(["import", "fairseq", str(stock_run), "-o", str(tmp_path / "ours.pt")]) == 0
    flags = re.search(r"to train on: (.*)", capsys.readouterr().out)[1].split()
    done = fairseq_command(
        "fairseq-train", tiny_corpus, "--user-dir", user_dir, *flags, *RUN, "--criterion", "aat_label_smoothing",
        "--lr", 0.01, "--restore-file", tmp_path / "ours.pt", "--max-update", 45, "--save-dir", tmp_path / "on",
    )  # fmt: skip
    assert "@ 30 updates" in done.stdout + done.stderr
    state = read_checkpoint(str(tmp_path / "on" / "checkpoint_last.pt"))
    assert state["optimizer_history"][-1]["num_updates"] == 45
    assert int(state["last_optimizer_state"]["state"][0]["step"]) == 45
    before = read_checkpoint(str(stock_run))["extra_state"]["val_loss"]
    assert state["extra_state"]["val_loss"] < before + 0.05


def test_stock_fairseq_trains_on_from_an_exported_model(stock_run, tmp_path, fairseq_command, tiny_corpus):
    assert aat(["import", "fairseq", str(stock_run), "-o", str(tmp_path / "ours.pt")]) == 0
    assert aat(["export", "fairseq", str(tmp_path / "ours.pt"), "-o", str(tmp_path / "back.pt")]) == 0
    first, last = read_checkpoint(str(stock_run))["model"], read_checkpoint(str(tmp_path / "back.pt"))["model"]
    assert all(torch.equal(last[name], tensor) for name, tensor in first.items() if "_float_tensor" not in name)
    fairseq_command("fairseq-train", tiny_corpus, *STOCK, *RUN, "--max-update", 2, "--save-dir", tmp_path / "on",
                    "--finetune-from-model", tmp_path / "back.pt")  # fmt: skip
    assert (tmp_path / "on" / "checkpoint_last.pt").exists()


def test_a_folder_of_safetensors_becomes_a_checkpoint_that_translates_alike(
    stock_run, tmp_path, tiny_corpus, generated
):
    words = ["export", "safetensors", str(tmp_path / "ours.pt"), "-o", str(tmp_path / "model"), "--data"]
    assert aat(["import", "fairseq", str(stock_run), "-o", str(tmp_path / "ours.pt")]) == 0
    assert aat([*words, str(tiny_corpus)]) == 0
    assert aat(["import", "safetensors", str(tmp_path / "model"), "-o", str(tmp_path / "back.pt")]) == 0
    assert generated(tmp_path / "back.pt", "ours") == generated(tmp_path / "ours.pt", "ours")


def test_compare_shows_each_home_and_what_it_changed(stock_run, tmp_path, tiny_corpus, capsys):
    assert aat(["import", "fairseq", str(stock_run), "-o", str(tmp_path / "ours.pt")]) == 0
    capsys.readouterr()
    words = ["export", "compare", str(tmp_path / "ours.pt"), "--data", str(tiny_corpus)]
    assert aat([*words, "--quantizations", "float32,int8"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    homes = ["stock fairseq", *["CTranslate2 float32"] * 2, *["CTranslate2 int8"] * 2]
    assert [row[1].strip() for row in rows[2:]] == homes
    assert rows[2][5].strip() == "25 of 25"
    assert float(re.search(r"float64: (\S+)\)", rows[2][4])[1]) < 1e-5
