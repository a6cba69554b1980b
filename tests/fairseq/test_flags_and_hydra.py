"""The same training typed as flags and written for Hydra: equal stored options, and parameters equal bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

Options = dict[str, dict[str, Any]]

SMALL: Options = {
    "model": dict(_name="aat_transformer_tiny", num_layers=1, d_model=16, d_ff=16, num_heads=2, dropout=0.2),
    "task": dict(_name="aat_translation", convention="t2t_head", left_pad_source=False, truncate_source=True,
                 max_source_positions=6),
    "criterion": dict(_name="aat_label_smoothing", label_smoothing=0.2, report_accuracy=True),
    "lr_scheduler": dict(_name="aat_noam", warmup_updates=7),
    "optimizer": dict(_name="adam", adam_betas="(0.9, 0.997)", adam_eps=1e-9),
    "dataset": dict(max_tokens=300, num_workers=0),
    "optimization": dict(max_update=6, update_freq=[2]),
    "common": dict(seed=5, cpu=True),
    "checkpoint": dict(no_epoch_checkpoints=True),
}  # fmt: skip
OTHER: Options = {
    **SMALL,
    "model": dict(_name="aat_transformer_parsing", d_model=16, d_ff=16, num_layers=2, d_k=5, d_v=3, final_norm="always",
                  share_all_embeddings=False, share_decoder_input_output_embed=False, learned_positions=True),
    "task": dict(_name="aat_translation", length_limit="batch"),
    "criterion": dict(_name="aat_label_smoothing", smoothing_mass="others_but_pad", ignore_prefix_size=1),
}  # fmt: skip
SECTIONS = ("model", "task", "criterion", "lr_scheduler", "optimizer")


@pytest.fixture(scope="module")
def from_flags(fairseq_command, tiny_corpus, user_dir):
    """`from_flags(options, folder)` -> the checkpoint of fairseq-train."""

    def run(options: Options, folder: Path) -> dict[str, Any]:
        chosen = {"model": "arch", "lr_scheduler": "lr-scheduler"}
        words: list[object] = []
        for section, values in options.items():
            for name, value in values.items():
                flag = chosen.get(section, section) if name == "_name" else name.replace("_", "-")
                one = value[0] if isinstance(value, list) else value
                words += [f"--{flag}"] if one is True and section != "model" else [f"--{flag}", one]
        fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, "--save-dir", folder, *words)
        return read_checkpoint(str(folder / "checkpoint_last.pt"))

    return run


@pytest.fixture(scope="module")
def from_hydra(fairseq_command, tiny_corpus, user_dir):
    """`from_hydra(options, folder, override, …)` -> the checkpoint of fairseq-hydra-train with a file of one's own."""

    def run(options: Options, folder: Path, *overrides: str) -> dict[str, Any]:
        folder.mkdir()
        (folder / "mine.yaml").write_text(yaml.safe_dump(options))
        fairseq_command(
            "fairseq-hydra-train", "--config-dir", folder, "--config-name", "mine", f"+task.data={tiny_corpus}",
            f"+common.user_dir={user_dir}", f"checkpoint.save_dir={folder}", "hydra.run.dir=.", *overrides, cwd=folder,
        )  # fmt: skip
        return read_checkpoint(str(folder / "checkpoint_last.pt"))

    return run


@pytest.mark.parametrize("options", [SMALL, OTHER], ids=["small", "other"])
def test_flags_and_hydra_store_equal_options_and_reach_equal_parameters(from_flags, from_hydra, tmp_path, options):
    flags, hydra = from_flags(options, tmp_path / "flags"), from_hydra(options, tmp_path / "hydra")
    for section in SECTIONS:
        one, two = ({name: str(value) for name, value in state["cfg"][section].items()} for state in (flags, hydra))
        assert one == two, section
    assert flags["model"].keys() == hydra["model"].keys()
    assert all(torch.equal(flags["model"][name], hydra["model"][name]) for name in flags["model"])


def test_hydra_resumes_restores_and_fine_tunes_as_flags_do(from_flags, from_hydra, tmp_path):
    """Resumed in its own folder and restored into another: as trained in one go. Fine-tuned: counted from 0."""
    longer = {**SMALL, "optimization": {**SMALL["optimization"], "max_update": 9}}
    in_one_go = from_flags(longer, tmp_path / "longer")["model"]
    from_hydra(SMALL, tmp_path / "started")
    start = tmp_path / "started" / "checkpoint_last.pt"
    restored = from_hydra(longer, tmp_path / "restored", f"checkpoint.restore_file={start}")
    still = {**SMALL, "lr_scheduler": {**SMALL["lr_scheduler"], "lr_factor": 0.0}}
    tuned = from_hydra(still, tmp_path / "tuned", f"checkpoint.finetune_from_model={start}")
    before = read_checkpoint(str(start))["model"]
    assert all(torch.equal(in_one_go[name], restored["model"][name]) for name in in_one_go)
    assert tuned["optimizer_history"][-1]["num_updates"] == 6
    assert all(torch.equal(before[name], tuned["model"][name]) for name in before)
