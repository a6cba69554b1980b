"""A checkpoint that would run code ends every command in one line, and nothing of it is run."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest
import torch

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = pytest.mark.fairseq

SIZE = ("--arch", "aat_transformer_tiny", "--num-layers", 1, "--d-model", 16, "--d-ff", 16, "--num-heads", 2,
        "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--lr-scheduler", "aat_noam")  # fmt: skip


@pytest.fixture(scope="module")
def sound(tiny_corpus, fairseq_command, user_dir, tmp_path_factory) -> Path:
    """A checkpoint of two updates."""
    folder = tmp_path_factory.mktemp("sound")
    fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation", *SIZE,
                    "--max-tokens", 400, "--max-update", 2, "--save-dir", folder, "--cpu", "--disable-validation",
                    "--num-workers", 0)  # fmt: skip
    return folder / "checkpoint_last.pt"


class Payload:
    """Touches a file when it is unpickled without care."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def infected(kind: str, state: dict[str, Any], marker: Path) -> dict[str, Any]:
    """`state` with something that touches `marker` when it runs."""
    code = f"__import__('pathlib').Path({str(marker)!r}).touch() or (0.9, 0.98)"
    if kind == "pickle":
        state["extra_state"]["meters"] = Payload(marker)
    if kind == "betas":
        state["cfg"]["optimizer"]["adam_betas"] = code
    if kind == "lstm":
        state["cfg"]["model"] = {**state["cfg"]["model"], "_name": "lstm", "decoder_attention": code}
    if kind == "fconv":
        task = {name: value for name, value in state["cfg"]["task"].items() if name != "_name"}
        state["args"] = argparse.Namespace(arch="fconv", encoder_layers=code, **{**task, "task": "aat_translation"})
        state["cfg"] = None
    return state


@pytest.mark.parametrize(("command", "kind"), [
    ("fairseq-generate", "fconv"), ("fairseq-generate", "pickle"), ("fairseq-interactive", "lstm"),
    ("fairseq-validate", "betas"), ("fairseq-train", "pickle"), ("fairseq-train", "betas"), ("fairseq-train", "fconv"),
])  # fmt: skip
def test_a_hostile_checkpoint_is_refused_in_one_line_and_runs_nothing(
    command, kind, sound, tiny_corpus, fairseq_command, user_dir, tmp_path
):
    marker, path = tmp_path / "ran", tmp_path / "hostile.pt"
    torch.save(infected(kind, read_checkpoint(str(sound)), marker), path)
    if command == "fairseq-train":
        words = [*SIZE, "--restore-file", path, "--save-dir", tmp_path / "new", "--max-update", 4, "--max-tokens", 400]
    else:
        words = ["--path", path, "--max-tokens", 400]
    done = fairseq_command(command, tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation", "--cpu", *words,
                           stdin="dan bul\n", check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"aat_plugin: {path} was refused and nothing of it was run")
    assert "Traceback" not in done.stdout + done.stderr
    assert not marker.exists()
