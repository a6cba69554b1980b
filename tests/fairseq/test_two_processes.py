"""Two processes on processors (gloo) train, draw dropout and resume as one with twice the update_freq."""

from __future__ import annotations

import json
import re
import socket

import pytest
import torch
from warm_commands import command_path

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = [pytest.mark.fairseq, pytest.mark.slow]


@pytest.fixture(scope="module")
def train(tiny_corpus, user_dir, warm_commands):
    """`train(folder, max_update, processes)` -> what each process printed; every one has ended well."""

    def run(folder, max_update, processes=2, **more):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            meeting = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        options = dict(
            user_dir=user_dir, task="aat_translation", arch="aat_transformer_tiny", num_layers=1, d_model=16, d_ff=16,
            num_heads=2, criterion="aat_label_smoothing", optimizer="adam", adam_betas="(0.9, 0.98)",
            adam_eps="1e-9", lr_scheduler="aat_noam", warmup_updates=10, max_tokens=90, max_update=max_update,
            update_freq=2 // processes, log_format="json", log_interval=1, seed=7, num_workers=0, save_dir=folder,
        )  # fmt: skip
        words = [str(word) for key, value in (options | more).items() for word in (f"--{key.replace('_', '-')}", value)]
        started = []
        for rank in range(processes):
            together = ["--distributed-world-size", "2", "--distributed-rank", str(rank), "--distributed-no-spawn",
                        "--distributed-init-method", meeting, "--distributed-backend", "gloo", "--ddp-backend",
                        "legacy_ddp"] if processes == 2 else []  # fmt: skip
            line = [command_path("fairseq-train"), str(tiny_corpus), "--cpu", *words, *together]
            started.append(warm_commands.start(line))
        done = [warm_commands.finish(command, timeout=120) for command in started]
        assert [one.returncode for one in done] == [0] * processes, done
        return [one.stdout + one.stderr for one in done]

    return run


def parameters(folder):
    return read_checkpoint(str(folder / "checkpoint_last.pt"))["model"]


@pytest.mark.parametrize("dropout", [0.3, 0.0])
@pytest.mark.parametrize("updates", [
    {}, dict(tokens_per_update=150, length_groups=4, max_tokens=150), dict(tokens_per_update=8, length_groups=2),
], ids=["stock's batches", "updates of 150 tokens", "updates of a sentence or two"])  # fmt: skip
def test_two_processes_are_one_with_twice_the_update_freq_also_when_they_are_resumed(train, tmp_path, updates, dropout):
    """Bit for bit, with the plugin's loss, rate and batches, also where a process has no batch.

    Stock's second process has none at an epoch's end (31 batches, 16 updates); updates of one sentence leave one of the
    two processes without. The resumed state reaches the second process from the first, under safe loading.
    """
    updates = {**updates, "dropout": dropout}
    alone = train(tmp_path / "one", 30, processes=1, **updates)[0]
    first = train(tmp_path / "two", 10, **updates)[0]
    second, _ = train(tmp_path / "two", 30, **updates)
    assert re.search("Loaded checkpoint .* @ 10 updates", second)
    assert losses(alone) == losses(first) | losses(second)
    expected, found = parameters(tmp_path / "one"), parameters(tmp_path / "two")
    assert expected.keys() == found.keys()
    for name in expected:
        assert torch.equal(expected[name], found[name]), name


def losses(printed):
    """Update → its loss, as fairseq's log rounds it."""
    lines = [json.loads(line[line.index("{") :]) for line in printed.splitlines() if "| train_inner |" in line]
    return {line["num_updates"]: line["loss"] for line in lines}
