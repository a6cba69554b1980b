"""Every system by one override: trained, stored, loaded safely, and searched by ours and by fairseq's own generator."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aat_plugin.bindings.checkpoint_reading import read_checkpoint

pytestmark = pytest.mark.fairseq

CONF = Path(__file__).resolve().parents[2] / "conf"
SIDES = ("encoder", "decoder")
SMALL = {
    "aat": ["model.d_model=16", "model.d_ff=32"],
    "fairseq": [f"model.{side}_{name}=16" for side in SIDES for name in ("embed_dim", "ffn_embed_dim")],
    "lstm": [f"model.{name}=16" for name in ("encoder_embed_dim", "decoder_embed_dim", "decoder_out_embed_dim",
                                             "decoder_hidden_size")] + ["model.encoder_hidden_size=8"],
    "conv": [f"model.{name}=16" for name in ("encoder_embed_dim", "decoder_embed_dim", "decoder_out_embed_dim")]
    + ["model.encoder_layers='[(16, 3)] * 2'", "model.decoder_layers='[(16, 3)] * 2'"],
    "gru": ["model.embed_dim=16", "model.hidden_size=16"],
    "bytenet": ["model.embed_dim=16", "model.encoder_blocks=2", "model.decoder_blocks=2"],
    "extended_neural_gpu": ["model.embed_dim=8"],
    "memory_network": ["model.embed_dim=16"],
}  # fmt: skip


def generated(done) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("H-")]


@pytest.fixture(scope="module")
def data(tiny_corpus, tmp_path_factory) -> Path:
    return Path(shutil.copytree(tiny_corpus, tmp_path_factory.mktemp("systems") / "data"))


@pytest.mark.parametrize("system", sorted(SMALL))
def test_a_system_trains_by_one_override_and_its_checkpoint_is_searched(
    system, data, fairseq_command, tmp_path, user_dir
):
    fairseq_command(
        "fairseq-hydra-train", "--config-dir", CONF, "--config-name", "demo_translation", f"system={system}",
        f"task.data={data}", "task.source_lang=src", "task.target_lang=tgt", "optimization.max_update=3",
        "checkpoint.save_dir=saved", "dataset.num_workers=0", *SMALL[system], cwd=tmp_path,
    )  # fmt: skip
    checkpoint = tmp_path / "saved/checkpoint_last.pt"
    config = read_checkpoint(str(checkpoint))["cfg"]
    if system == "bytenet":
        assert config["model"]["length_ratio"] == pytest.approx(1.0), "targets are sources reversed"
    words = [data, "--path", checkpoint, "--user-dir", user_dir, "-s", "src", "-t", "tgt", "--beam", 3, "--cpu"]
    ours = fairseq_command("fairseq-generate", *words, "--task", "aat_translation", "--max-len-a", 1, "--max-len-b", 3)
    assert len(generated(ours)) == 25, "no sentence is lost"
    if system in ("fairseq", "gru"):
        stock = fairseq_command("fairseq-generate", *words, "--task", "translation", "--max-len-a", 1, "--max-len-b", 3,
                                "--required-batch-size-multiple", 1)  # fmt: skip
        assert len(generated(stock)) == 25


@pytest.mark.parametrize(("arch", "more"), [
    ("aat_gru", ["--embed-dim", 16, "--hidden-size", 16, "--encoder-layers", 2]),
    ("aat_bytenet", ["--embed-dim", 16, "--encoder-blocks", 2, "--decoder-blocks", 2, "--block", "multiplicative"]),
    ("aat_extended_neural_gpu", ["--embed-dim", 8, "--memory-width", 2, "--length-ratio", 1.5]),
    ("aat_memory_network", ["--embed-dim", 16, "--num-hops", 2]),
    ("aat_conv", ["--encoder-embed-dim", 16, "--decoder-embed-dim", 16, "--encoder-layers", "[(16, 3)]",
                  "--decoder-layers", "[(16, 3)]"]),
])  # fmt: skip
def test_a_system_trains_from_flags(arch, more, data, fairseq_command, tmp_path, user_dir):
    fairseq_command(
        "fairseq-train", data, "--user-dir", user_dir, "--task", "aat_translation", "-s", "src", "-t", "tgt", "--arch",
        arch, *more, "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--lr", 0.001, "--max-tokens", 500,
        "--max-update", 2, "--cpu", "--num-workers", 0, "--save-dir", tmp_path,
    )  # fmt: skip
    assert read_checkpoint(str(tmp_path / "checkpoint_last.pt"))["cfg"]["model"]["_name"] == arch
