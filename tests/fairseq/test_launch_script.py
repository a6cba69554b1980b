"""scripts/launch_torchrun.sh: two processes train as one, a killed worker ends the job, and the same line goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from warm_commands import command_environment

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = [pytest.mark.fairseq, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "scripts/launch_torchrun.sh")


def environment():
    return command_environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.mark.parametrize(("words", "said"), [
    (["--nproc", "2"], "which experiment"), (["--nproc"], "needs a value"),
    (["--ncpu", "2"], "unknown option '--ncpu'"),
    (["--nproc", "0", "--", "x"], "not '0'"), (["--nodes", "2", "--", "x"], "--master HOST:PORT"),
])  # fmt: skip
def test_a_wrong_word_is_one_line(words, said):
    done = subprocess.run(["bash", SCRIPT, *words], capture_output=True, text=True, env=environment())
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_several_processes_without_a_world_size_are_refused(fairseq_command, tiny_corpus, user_dir):
    """As `torchrun --nproc-per-node 2 --no-python fairseq-train …` on processors would train two models."""
    torchrun = "import os; os.environ.update(WORLD_SIZE='2', RANK='1')"
    done = fairseq_command("fairseq-train", tiny_corpus, "--cpu", "--user-dir", user_dir, "--task", "aat_translation",
                           "--arch", "aat_transformer_tiny", "--criterion", "aat_label_smoothing", "--optimizer",
                           "adam",
                           "--lr-scheduler", "aat_noam", "--max-tokens", "90", first=torchrun, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("aat_plugin: torchrun started 2 processes")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def words(tiny_corpus):
    """`words(folder, max_update, …)`: an experiment and its overrides."""

    def build(folder, max_update, *more):
        model = ("model.num_layers=1", "model.d_model=16", "model.d_ff=16", "model.num_heads=2", "model.dropout=0.3")
        return ["demo_translation", f"task.data={tiny_corpus}", "task.source_lang=src", "task.target_lang=tgt", *model,
                "task.tokens_per_update=150", "task.length_groups=2", f"optimization.max_update={max_update}",
                f"checkpoint.save_dir={folder}", "checkpoint.save_interval_updates=5", "dataset.num_workers=0",
                "dataset.disable_validation=true", *more]  # fmt: skip

    return build


def workers(launcher):
    """Rank → process number of the trainings below a launcher, however deep; read from /proc."""
    below, found = {launcher}, {}
    for status in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            variables = dict(word.partition("=")[::2] for word in (status.parent / "environ").read_text().split("\0"))
        except (OSError, ValueError):
            continue
        if parent in below:
            below.add(int(status.parent.name))
            if "RANK" in variables:
                found[variables["RANK"]] = int(status.parent.name)
    return found


def updates(folder):
    return read_checkpoint(str(folder / "checkpoint_last.pt"))["optimizer_history"][-1]["num_updates"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds a worker in /proc")
def test_a_killed_worker_ends_the_job_and_the_same_line_goes_on_as_if_nothing_was(words, tmp_path, fairseq_command):
    """In the end the parameters are, bit for bit, those of one undisturbed process with update_freq 2."""
    line = ["bash", SCRIPT, "--nproc", "2", "--cpu", "--"]
    endless = subprocess.Popen([*line, *words(tmp_path / "two", 1_000_000)], env=environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    until = time.monotonic() + 300
    while not list((tmp_path / "two").glob("checkpoint_*_10.pt")) and time.monotonic() < until:
        time.sleep(0.2)
        assert endless.poll() is None, endless.communicate()[0][-3000:]
    os.kill(workers(endless.pid)["1"], signal.SIGKILL)
    killed = time.monotonic()
    printed = endless.communicate(timeout=120)[0]
    assert time.monotonic() - killed < 60
    assert endless.returncode == 1
    assert printed.strip().splitlines()[-2].startswith("launch_torchrun.sh: a worker ended too early")

    last = updates(tmp_path / "two") + 7
    done = subprocess.run([*line, *words(tmp_path / "two", last)], env=environment(), text=True, capture_output=True,
                          timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    conf = ("--config-dir", ROOT / "conf", "--config-name")
    fairseq_command("fairseq-hydra-train", *conf, *words(tmp_path / "one", last, "optimization.update_freq=[2]"))
    alone, together = (read_checkpoint(str(tmp_path / name / "checkpoint_last.pt"))["model"] for name in ("one", "two"))
    assert updates(tmp_path / "two") == updates(tmp_path / "one") == last
    for name in alone:
        assert torch.equal(alone[name], together[name]), name
