"""A run that is killed at the worst moments and started again ends with the parameters of one that was left alone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

import aat_plugin
from aat_plugin.bindings.precision import quick_bf16

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

PLUGIN = Path(aat_plugin.__file__).parent

KILLER = '''
"""Kills this process with SIGKILL at the n-th call of one function, halfway through where it copies."""
import os, shutil, signal, sys

moment, remaining = {moment!r}, {count}


def counted(original, halfway=None):
    def wrapper(*args, **kwargs):
        global remaining
        remaining -= 1
        if remaining == 0:
            if halfway is not None:
                halfway(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)

    return wrapper


def half_a_copy(source, target, *_):
    target.write(source.read(1000))
    target.flush()


if moment == "rename":
    os.replace = counted(os.replace)
if moment == "flush":
    os.fsync = counted(os.fsync)
if moment == "copy":
    shutil.copyfileobj = counted(shutil.copyfileobj, half_a_copy)
if moment == "update":
    from fairseq.trainer import Trainer
    Trainer.train_step = counted(Trainer.train_step)
'''


@pytest.fixture(scope="module")
def train(tiny_corpus, fairseq_command):
    """Train for 24 updates of two micro-batches, dropout on, with a checkpoint every five and at each epoch's end."""
    def run(folder, kill_at="", workers=0, check=True, first="", **more):
        options = dict(
            user_dir=PLUGIN, task="aat_translation", arch="aat_transformer_tiny", num_layers=1, d_model=16, d_ff=16,
            num_heads=2, dropout=0.3, criterion="aat_label_smoothing", optimizer="adam", adam_betas="(0.9, 0.98)",
            adam_eps="1e-9", lr_scheduler="aat_noam", warmup_updates=10, max_tokens=200, update_freq=2, max_update=24,
            save_interval_updates=5, seed=7, num_workers=workers, save_dir=folder, **more,
        )
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
        moment, _, count = kill_at.partition(":")
        killer = KILLER.format(moment=moment, count=int(count or 0))
        return fairseq_command("fairseq-train", tiny_corpus, *words, check=check, first=first or killer)

    return run


@pytest.fixture(scope="module")
def undisturbed(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    train(folder)
    return torch.load(folder / "checkpoint_last.pt")["model"]


def same(folder, expected):
    model = torch.load(folder / "checkpoint_last.pt")["model"]
    return model.keys() == expected.keys() and all(torch.equal(model[name], expected[name]) for name in model)


@pytest.mark.parametrize(
    ("kill_at", "workers"),
    [("update:7", 0), ("update:13", 2), ("flush:3", 0), ("rename:7", 0), ("copy:1", 0), ("copy:5", 2)],
)
def test_kill_and_restart_is_bit_equal(train, undisturbed, tmp_path, kill_at, workers):
    """It goes on from update 5 and 10 (mid-epoch), 7 (an epoch's end), or anew where the first save was not done."""
    killed = train(tmp_path, kill_at=kill_at, workers=workers, check=False)
    assert killed.returncode == -signal.SIGKILL
    train(tmp_path, workers=workers)
    assert same(tmp_path, undisturbed)
    assert not list(tmp_path.glob(".*aat-unfinished"))


def test_kill_and_restart_is_bit_equal_in_bf16(train, undisturbed, tmp_path):
    """With every quick way on: where the processor has no bfloat16, float32 is taken, and this is the test above."""
    train(tmp_path / "whole", precision="bf16")
    whole = torch.load(tmp_path / "whole/checkpoint_last.pt")["model"]
    assert quick_bf16(torch.device("cpu")) != same(tmp_path / "whole", undisturbed)
    killed = train(tmp_path / "cut", kill_at="update:13", check=False, precision="bf16")
    assert killed.returncode == -signal.SIGKILL
    train(tmp_path / "cut", precision="bf16")
    assert same(tmp_path / "cut", whole)


def test_a_truncated_last_checkpoint_gives_way_to_the_newest_complete_one_and_says_so(train, undisturbed, tmp_path):
    train(tmp_path, kill_at="rename:6", check=False)
    last = tmp_path / "checkpoint_last.pt"
    last.write_bytes(last.read_bytes()[:-500])
    resumed = train(tmp_path)
    assert "truncated" in resumed.stdout + resumed.stderr
    assert "the newest complete one" in resumed.stdout + resumed.stderr
    assert same(tmp_path, undisturbed)


def test_a_missing_last_checkpoint_is_a_new_start_that_names_what_it_passes_over(train, tmp_path):
    train(tmp_path, kill_at="copy:1", check=False)
    assert {path.name for path in tmp_path.glob("*.pt")} == {"checkpoint_1_5.pt"}
    printed = train(tmp_path, kill_at="update:1", check=False).stdout
    assert f"starting anew; to go on instead, give --restore-file {tmp_path}/checkpoint_1_5.pt" in printed
    gone_on = train(tmp_path, kill_at="update:1", check=False, restore_file=tmp_path / "checkpoint_1_5.pt").stdout
    assert "starting anew" not in gone_on
    assert "(epoch 1 @ 5 updates)" in gone_on


def test_no_complete_checkpoint_is_an_error_and_not_a_silent_new_start(train, tmp_path):
    (tmp_path / "checkpoint_last.pt").write_bytes(b"PK\x03\x04 cut off")
    done = train(tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("aat_plugin: ")
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "checkpoint_last.pt").read_bytes() == b"PK\x03\x04 cut off"


def test_another_architecture_is_one_line(train, tmp_path):
    train(tmp_path, kill_at="rename:2", check=False)
    checkpoint = next(tmp_path.glob("checkpoint*.pt"))
    other = tmp_path / "other"
    done = train(other, check=False, restore_file=checkpoint, share_all_embeddings="false", attention_bias="true")
    assert done.returncode == 1
    assert "of another architecture" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stdout + done.stderr


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))"
"""No file grows beyond 30 kB, and a checkpoint has about 100: the same error path as on a disk without space."""


def test_a_disk_that_fills_up_while_training_is_one_line_and_the_old_checkpoint_stays(train, undisturbed, tmp_path):
    train(tmp_path, kill_at="update:7", check=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    full = train(tmp_path, check=False, first=FULL_DISK)
    assert full.returncode == 1
    last = full.stderr.strip().splitlines()[-1]
    assert last.startswith(f"aat_plugin: cannot write {tmp_path}")
    assert "older checkpoints are untouched" in last
    assert "Traceback" not in full.stdout + full.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    train(tmp_path)
    assert same(tmp_path, undisturbed)
