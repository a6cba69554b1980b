"""Gold and silver trees mixed in training: a run that is killed in mid-epoch and started again ends with the same."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import torch
from toy_parsing import TINY, prepare

import aat_plugin

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

PLUGIN = Path(aat_plugin.__file__).parent
KILLER = '''
import os, signal
from fairseq.trainer import Trainer

remaining, original = {count}, Trainer.train_step


def counted(*args, **kwargs):
    global remaining
    remaining -= 1
    if remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*args, **kwargs)


Trainer.train_step = counted
'''


@pytest.fixture(scope="module")
def train(tmp_path_factory, fairseq_command):
    """Train for 18 updates, seven or eight an epoch, on 200 gold trees and 100 silver ones of 130."""
    data = prepare(tmp_path_factory.mktemp("silver"), "--bpe", "0", silver=130)

    def run(folder, batches, workers=0, kill_at=0):
        options = {"--user-dir": PLUGIN, "--task": "aat_parsing", "--silver-ratio": 0.5, "--max-tokens": 1600,
                   "--max-update": 18, "--save-interval-updates": 2, "--num-workers": workers, "--save-dir": folder,
                   "--tokens-per-update": batches, "--length-groups": 1,
                   "--eval-f1-sentences": 5, "--max-extra": 20, "--best-checkpoint-metric": "f1", "--seed": 3,
                   "--log-format": "simple", "--log-interval": 1}  # fmt: skip
        words = [word for pair in options.items() for word in pair]
        first = KILLER.format(count=kill_at) if kill_at else ""
        return fairseq_command("fairseq-train", data / "data-bin", *TINY, *words, "--eval-f1",
                               "--maximize-best-checkpoint-metric", check=not kill_at, first=first)

    return run


def parameters(folder):
    return torch.load(folder / "checkpoint_last.pt")["model"]


@pytest.mark.parametrize(("workers", "batches"), [(2, 0), (0, 900)], ids=["fairseq's batches", "whole updates"])
def test_kill_and_restart_in_mid_epoch_is_bit_equal(train, tmp_path, workers, batches):
    printed = train(tmp_path / "undisturbed", batches).stdout
    assert "mixing 200 gold sentences with 0.5 silver ones for each, of 130" in printed
    assert "epoch 003" in printed
    assert re.search(r"valid on 'valid' subset .*\| f1 \d+(\.\d+)? \| malformed \d+", printed)
    killed = train(tmp_path / "killed", batches, workers=workers, kill_at=14)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "undisturbed" / "checkpoint_best.pt").exists()
    resumed = train(tmp_path / "killed", batches, workers=workers)
    assert "(epoch 2 @ 12 updates)" in resumed.stdout
    expected, found = parameters(tmp_path / "undisturbed"), parameters(tmp_path / "killed")
    assert all(torch.equal(found[name], expected[name]) for name in expected)
