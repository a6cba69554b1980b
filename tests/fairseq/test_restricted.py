"""Restricted self-attention through fairseq's commands: trained from flags and from Hydra, stored, and decoded with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.fairseq

CONF = Path(__file__).resolve().parents[2] / "conf"


def neighbourhood(checkpoint: Path) -> int:
    state = torch.load(checkpoint, weights_only=False)  # our own file of a moment ago
    return state["cfg"]["model"]["restricted_attention"]


def test_a_model_trained_from_flags_decodes_with_the_neighbourhood_that_it_stores(
    fairseq_command, tiny_corpus, user_dir, tmp_path
):
    plugin = ("--user-dir", user_dir, "--task", "aat_translation", "--source-lang", "src", "--target-lang", "tgt")
    fairseq_command(
        "fairseq-train", tiny_corpus, *plugin, "--arch", "aat_transformer_tiny", "--num-layers", 1, "--d-model", 16,
        "--d-ff", 16, "--restricted-attention", 3, "--criterion", "aat_label_smoothing", "--optimizer", "adam",
        "--lr-scheduler", "aat_noam", "--max-tokens", 400, "--max-update", 4, "--num-workers", 0,
        "--save-dir", tmp_path,
    )  # fmt: skip
    last = tmp_path / "checkpoint_last.pt"
    assert neighbourhood(last) == 3
    line = ("fairseq-generate", tiny_corpus, *plugin, "--path", last, "--gen-subset", "test", "--max-len-b", 5)
    done = fairseq_command(*line)
    assert done.stdout.count("\nH-") == 25
    whole = fairseq_command(*line, "--model-overrides", "{'restricted_attention': None}")
    assert done.stdout != whole.stdout, "the neighbourhood is used in decoding"


def test_hydra_takes_it_without_a_plus(fairseq_command, tiny_corpus, tmp_path):
    shutil.copytree(tiny_corpus, tmp_path / "data")
    fairseq_command(
        "fairseq-hydra-train", "--config-dir", CONF, "--config-name", "demo_translation", "task.data=data",
        "task.source_lang=src", "task.target_lang=tgt", "optimization.max_update=2", "checkpoint.save_dir=saved",
        "dataset.num_workers=0", "model.d_model=16", "model.restricted_attention=4", cwd=tmp_path,
    )  # fmt: skip
    assert neighbourhood(tmp_path / "saved/checkpoint_last.pt") == 4
