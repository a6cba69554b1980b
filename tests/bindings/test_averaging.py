"""`aat average`'s files: which are chosen, one at a time in memory, and a result that is complete or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aat_plugin.bindings import averaging
from aat_plugin.bindings.checkpoint_files import save_atomically
from aat_plugin.errors import AatError, CheckpointError, ConfigError, UnsafeCheckpointError


def state(update, weights=None, **more):
    table = torch.full((4, 3), float(update)) if weights is None else weights
    return {
        "args": None, "cfg": {"model": {"_name": "aat_transformer"}},
        "model": {"encoder.embed": table, "decoder.embed": table, "steps": torch.tensor([update])},
        "optimizer_history": [{"num_updates": update, "optimizer_name": "a", "lr_scheduler_state": {}}],
        "last_optimizer_state": {"moments": torch.zeros(1000)}, "extra_state": {"train_iterator": {"epoch": 1}}, **more,
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    """By update 5, 10, 20, 100 (epochs 1, 1, 2, 10), by epoch 1, 2, 10; best, last and strangers."""
    place = tmp_path / "checkpoints"
    place.mkdir()
    by_update = {f"checkpoint_{epoch}_{update}.pt": update for epoch, update in ((1, 5), (1, 10), (2, 20), (10, 100))}
    by_epoch = {"checkpoint1.pt": 11, "checkpoint2.pt": 22, "checkpoint10.pt": 101}
    others = {"checkpoint_best.pt": 7, "checkpoint_last.pt": 8, "checkpoint_1_5-shard0.pt": 9, "xcheckpoint3.pt": 9}
    for name, update in {**by_update, **by_epoch, **others}.items():
        torch.save(state(update), place / name)
    return place


def names(files):
    return [file.name for file in files]


def test_files_are_chosen_by_number_and_not_by_the_alphabet(folder):
    assert names(averaging.choose_files(folder, 2, "update")) == ["checkpoint_2_20.pt", "checkpoint_10_100.pt"]
    assert names(averaging.choose_files(folder, 3, "epoch")) == ["checkpoint1.pt", "checkpoint2.pt", "checkpoint10.pt"]
    assert names(averaging.choose_files(folder, 1)) == ["checkpoint_10_100.pt"]


def test_upto_leaves_later_ones_out(folder):
    assert names(averaging.choose_files(folder, 2, "update", upto=20)) == ["checkpoint_1_10.pt", "checkpoint_2_20.pt"]
    assert names(averaging.choose_files(folder, 2, "epoch", upto=9)) == ["checkpoint1.pt", "checkpoint2.pt"]


def test_auto_takes_epochs_where_there_is_nothing_by_update(tmp_path):
    torch.save(state(1), tmp_path / "checkpoint3.pt")
    assert names(averaging.choose_files(tmp_path, 1)) == ["checkpoint3.pt"]


@pytest.mark.parametrize(("options", "error", "message"), [
    (dict(last=5), CheckpointError, "holds 4 checkpoints by update, and --last asks for 5; --by epoch has 3"),
    (dict(last=3, by="update", upto=10), CheckpointError, "holds 2 checkpoints by update up to update 10"),
    (dict(last=0), ConfigError, "--last 0"),
    (dict(last=1, by="updates"), ConfigError, "did you mean 'update'"),
])
def test_too_few_checkpoints_are_refused_with_a_way_out(folder, options, error, message):
    with pytest.raises(error, match=message):
        averaging.choose_files(folder, **options)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere: No such file.*--save-dir"):
        averaging.choose_files(tmp_path / "nowhere", 1)


def test_the_result_is_the_last_checkpoint_with_the_mean_weights_and_no_optimizer_state(folder):
    files = averaging.choose_files(folder, 3, "update")
    seen = []
    done = averaging.average(files, folder / "averaged.pt", lambda *progress: seen.append(progress))
    assert seen == [(0, 3, files[0]), (1, 3, files[1]), (2, 3, files[2])]
    assert (done.updates, done.weights) == ((10, 20, 100), 12 + 1)
    found, last = torch.load(folder / "averaged.pt"), torch.load(files[-1])
    assert torch.equal(found["model"]["encoder.embed"], torch.full((4, 3), 130 / 3, dtype=torch.float32))
    assert found["model"]["decoder.embed"].data_ptr() == found["model"]["encoder.embed"].data_ptr()
    assert found["model"]["steps"].item() == 100
    assert found.pop(averaging.PROVENANCE) == {"checkpoints": names(files), "updates": [10, 20, 100]}
    assert "last_optimizer_state" not in found
    for key in ("args", "cfg", "optimizer_history", "extra_state"):
        assert found[key] == last[key]


def test_half_precision_files_give_a_half_precision_file(tmp_path):
    for number in (1, 2):
        torch.save(state(number, torch.full((2,), float(number)).half()), tmp_path / f"checkpoint{number}.pt")
    averaging.average(averaging.choose_files(tmp_path, 2), tmp_path / "averaged.pt")
    table = torch.load(tmp_path / "averaged.pt")["model"]["encoder.embed"]
    assert (table.dtype, table.tolist()) == (torch.float16, [1.5, 1.5])


def test_files_in_torchs_older_format_are_averaged_too(tmp_path):
    for number in (1, 3):
        old = tmp_path / f"checkpoint{number}.pt"
        torch.save(state(number), old, _use_new_zipfile_serialization=False)
    averaging.average(averaging.choose_files(tmp_path, 2), tmp_path / "averaged.pt")
    found = torch.load(tmp_path / "averaged.pt")["model"]
    assert found["decoder.embed"][0, 0] == 2
    assert found["decoder.embed"].data_ptr() == found["encoder.embed"].data_ptr()


def test_paths_that_cannot_work_are_refused_before_anything_is_read(folder, tmp_path):
    first, second = averaging.choose_files(folder, 2)
    for files, output, message in (
        ([], tmp_path / "o.pt", "nothing to average"),
        ([first, folder / "." / first.name], tmp_path / "o.pt", "named twice"),
        ([first, second], second, "one of the checkpoints"),
        ([first, second], folder, "is a folder"),
        ([first, second], tmp_path / "no" / "o.pt", "its folder does not exist"),
    ):
        with pytest.raises(CheckpointError, match=message):
            averaging.average(files, output, lambda *_: pytest.fail("read a file"))


class Hostile:
    def __reduce__(self):
        return os.mkdir, ("hostile",)


def test_foreign_truncated_and_hostile_files_are_refused_and_an_older_result_stays(folder, tmp_path):
    output = tmp_path / "averaged.pt"
    output.write_bytes(b"older")
    files = averaging.choose_files(folder, 2)
    whole = files[1].read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b"\x00\x00\xc8\x42") + 2] ^= 1  # a bit of the weight 100.0
    foreign = tmp_path / "foreign.pt"
    for content, error, message in (
        (whole[:-200], CheckpointError, "truncated"),
        (b"", CheckpointError, "is empty"),
        (b"no checkpoint at all", CheckpointError, "is no checkpoint"),
        (bytes(flipped), CheckpointError, "damaged"),
        ({"weights": 1}, CheckpointError, "no checkpoint of fairseq"),
        (state(1, torch.ones(2)), CheckpointError, r"has encoder.embed as float32 of shape \(2,\)"),
        (state(1, extra=Hostile()), UnsafeCheckpointError, "nothing of it was run"),
    ):
        foreign.write_bytes(content) if isinstance(content, bytes) else torch.save(content, foreign)
        with pytest.raises(error, match=message) as refused:
            averaging.average([files[0], foreign], output)
        assert str(foreign) in str(refused.value)
        assert "\n" not in str(refused.value)
        assert output.read_bytes() == b"older"
    assert sorted(os.listdir(tmp_path)) == ["averaged.pt", "checkpoints", "foreign.pt"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_one_line_that_names_the_file(folder, tmp_path, data):
    content = bytearray((folder / "checkpoint1.pt").read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(content)
    try:
        averaging.average([folder / "checkpoint2.pt", damaged], tmp_path / "averaged.pt")
    except AatError as error:
        mistake = str(error)
    else:
        mistake = ""
    assert not mistake or (str(damaged) in mistake and "\n" not in mistake)


def test_a_full_disk_is_one_line_and_the_older_result_stays(folder, tmp_path):
    for number in (1, 2):
        save_atomically(state(number, torch.zeros(100_000)), str(folder / f"checkpoint_9_{200 + number}.pt"))
    output = tmp_path / "averaged.pt"
    output.write_bytes(b"older")
    body = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from aat_plugin.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["average", "--last", "2", str(folder), "-o", str(output)]
    done = subprocess.run([sys.executable, "-c", body, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"aat: cannot write {output}")
    assert done.stderr.count("\n") == 1
    assert output.read_bytes() == b"older"
    assert sorted(os.listdir(tmp_path)) == ["averaged.pt", "checkpoints"]


PEAK = """
import sys, torch
from pathlib import Path
from aat_plugin.bindings import averaging
folder = Path(sys.argv[1])
for count in (0, 4, 4, 16):
    if count:
        averaging.average(averaging.choose_files(folder, count), folder / "averaged.pt")
    print(int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's account of the peak memory")
def test_the_peak_of_memory_does_not_grow_with_the_number_of_checkpoints(tmp_path):
    megabytes = 8
    for number in range(1, 17):
        weights = torch.full((megabytes * 2**18,), float(number))
        torch.save(state(number, weights), tmp_path / f"checkpoint{number}.pt")

    # glibc raises its bound for blocks of their own with each block freed; then what is freed may stay in the process.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**20)}
    line = [sys.executable, "-c", PEAK, str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, env=environment)
    before, _, four, sixteen = map(float, done.stdout.split())
    assert sixteen - four < megabytes  # of twelve more checkpoints, not even one
    # The float64 sums (2), a checkpoint's pages (1), the result (1), temporaries of the one tensor, and torch's own.
    assert sixteen - before < 8 * megabytes
