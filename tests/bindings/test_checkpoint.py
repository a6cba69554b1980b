"""Checkpoints: whole files or none, nothing run by loading, and a damaged last one gives way to the newest complete."""

from __future__ import annotations

import argparse
import ast
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import fairseq
import pytest
import torch
from fairseq import checkpoint_utils
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.bindings import checkpoint, checkpoint_files, checkpoint_safety
from aat_plugin.errors import CheckpointError, UnsafeCheckpointError


def state(updates=1, **more):
    return {
        "args": None, "cfg": {"model": {"_name": "aat_transformer"}}, "model": {"w": torch.arange(500.0)},
        "optimizer_history": [{"num_updates": updates, "optimizer_name": "a", "lr_scheduler_state": {}}],
        "extra_state": {"train_iterator": {"epoch": 1}}, **more,
    }


def test_a_saved_file_is_whole_and_leaves_nothing_beside_it(tmp_path):
    checkpoint_files.save_atomically(state(3), str(tmp_path / "checkpoint1.pt"))
    checkpoint_files.copy_atomically(str(tmp_path / "checkpoint1.pt"), str(tmp_path / "checkpoint_last.pt"))
    assert sorted(os.listdir(tmp_path)) == ["checkpoint1.pt", "checkpoint_last.pt"]
    assert torch.equal(torch.load(tmp_path / "checkpoint_last.pt")["model"]["w"], torch.arange(500.0))


@pytest.mark.parametrize("how", ["save", "copy"])
def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path, how):
    path = tmp_path / "checkpoint_last.pt"
    checkpoint_files.save_atomically(state(1), str(path))
    before = path.read_bytes()
    big = tmp_path / "big.pt"
    torch.save(state(2, big=torch.zeros(200_000)), big)
    body = (
        "import resource, signal, sys, torch\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from aat_plugin.bindings import checkpoint_files as files\n"
        "from aat_plugin.errors import CheckpointError\n"
        "try:\n"
        "    files.save_atomically({'w': torch.zeros(200_000)}, sys.argv[2]) if sys.argv[1] == 'save' else "
        "files.copy_atomically(sys.argv[3], sys.argv[2])\n"
        "except CheckpointError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", body, how, path, big], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {path}")
    assert done.stdout.count("\n") == 1
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["big.pt", "checkpoint_last.pt"]


def test_what_a_killed_run_left_is_removed_by_the_next_save(tmp_path):
    left = tmp_path / ".checkpoint1.pt.0123abcd.aat-unfinished"
    left.write_bytes(b"half")
    other = tmp_path / "mine.tmp"
    other.write_bytes(b"not ours")
    checkpoint_files.save_atomically(state(), str(tmp_path / "checkpoint1.pt"))
    assert not left.exists()
    assert other.exists()


class Payload:
    """Runs a command when it is unpickled without care."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("function", [os.system, eval, subprocess.check_output])
def test_a_hostile_pickle_is_refused_in_one_line_and_runs_nothing(tmp_path, function, zipped):
    marker = tmp_path / "ran"
    argument = f"__import__('pathlib').Path({str(marker)!r}).touch()" if function is eval else f"touch {marker}"
    path = tmp_path / "checkpoint_last.pt"
    torch.save(state(payload=Payload(function, argument)), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UnsafeCheckpointError, match="refused") as caught:
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert not marker.exists()


def test_nothing_in_the_project_loads_without_safe_loading():
    """Every torch.load of ours says weights_only=True itself, whatever the environment says."""
    root = Path(checkpoint.__file__).parents[2]
    for path in [*(root / "aat_plugin").rglob("*.py"), *(root / "scripts").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "pickle.load", "pickle.loads"):
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert given.get("weights_only") == "True", f"{path}:{node.lineno}"


HOSTILE = "__import__('pathlib').Path({!r}).touch() or [(8, 3)]"


@pytest.mark.parametrize(
    "options",
    [
        dict(arch="fconv", encoder_layers=HOSTILE), dict(arch="fconv", decoder_attention=HOSTILE),
        dict(arch="lstm", decoder_attention=HOSTILE), dict(arch="lstm", adaptive_softmax_cutoff=HOSTILE),
        dict(arch="transformer", adaptive_softmax_cutoff=HOSTILE), dict(arch="lightconv", decoder_layers=HOSTILE),
    ],
    ids=lambda options: "-".join(options),
)
@pytest.mark.parametrize("kind", ["args", "cfg"])
def test_strings_that_fairseq_would_evaluate_are_refused_before_a_model_is_built(tmp_path, options, kind):
    marker = tmp_path / "ran"
    filled = {key: value.format(str(marker)) for key, value in options.items()}
    stored = {"args": argparse.Namespace(**filled, task="translation"), "cfg": None}
    if kind == "cfg":
        model = {**filled, "_name": options["arch"]}
        stored = {"args": None, "cfg": {"model": model, "task": {"_name": "translation"}}}
    path = tmp_path / "hostile.pt"
    torch.save(state(**stored), path)
    with pytest.raises(UnsafeCheckpointError, match="would run as Python code") as caught:
        checkpoint_utils.load_model_ensemble_and_task([str(path)])
    assert "\n" not in str(caught.value)
    assert not marker.exists()


PLACES = {
    "a section": lambda name, value: {"optimizer": {name: value}},
    "deep": lambda name, value: {"a": {"b": [{"c": (1, {name: value})}]}},
    "args": lambda name, value: argparse.Namespace(**{name: value}),
    "args inside": lambda name, value: argparse.Namespace(inner={"x": argparse.Namespace(**{name: value})}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", sorted(checkpoint_safety.EVALUATED))
def test_every_option_that_is_evaluated_is_looked_for_in_every_place(place, name):
    """Text, bytes and a buffer are source for `eval`; a plain literal passes."""
    for value in ("__import__('os').abort()", b"abort()", bytearray(b"abort()")):
        with pytest.raises(UnsafeCheckpointError, match=f"option .*{name}=.*would run as Python code"):
            checkpoint_safety.check_config(PLACES[place](name, value), "a.pt")
    checkpoint_safety.check_config(PLACES[place](name, "(0.9, 0.98)"), "a.pt")


@pytest.mark.parametrize(("name", "value"), [("dataset_impl", "fasta"), ("post_save_script", "touch ran")])
def test_stored_text_that_would_reach_a_shell_is_refused(name, value):
    with pytest.raises(UnsafeCheckpointError, match=f"{name}={value!r}"):
        checkpoint_safety.check_config({"task": {name: value}}, "a.pt")
    checkpoint_safety.check_config({"task": {"dataset_impl": "mmap", "post_save_script": None}}, "a.pt")


def test_both_configurations_of_a_file_are_looked_at(tmp_path):
    """fairseq prefers `args`; a sound one there does not hide a hostile `cfg`, nor the other way round."""
    hostile, path = "abort()", tmp_path / "checkpoint.pt"
    for args, cfg in [(argparse.Namespace(arch="a"), {"optimizer": {"adam_betas": hostile}}),
                      (argparse.Namespace(adam_betas=hostile), {"optimizer": {"adam_betas": "(0.9, 0.98)"}})]:
        torch.save(state(args=args, cfg=cfg), path)
        with pytest.raises(UnsafeCheckpointError, match="adam_betas"):
            checkpoint_utils.load_checkpoint_to_cpu(str(path))


def test_interpolations_in_a_stored_config_are_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save(state(cfg={"task": {"data": "${oc.env:HOME}"}}), path)
    with pytest.raises(UnsafeCheckpointError, match="interpolation"):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))


@pytest.mark.parametrize(
    "text", ["[(512, 3)] * 20", "[(512, 3)] * 9 + [(1024, 3)] * 4", "True", "(0.9, 0.98)", "[1, -2]", "'text'", "None"]
)
def test_what_fairseq_writes_itself_is_a_plain_literal(text):
    assert checkpoint_safety.is_plain_literal(text)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "[0] * 10**9", "[0] * 999999999", "[[0] * 9999] * 9999", "(lambda: 1)()", "x", "f'{x}'",
     "[i for i in [1]]", "1 if x else 2", "'a' * 10**9", "[1][0]", "(1).real", "[" * 5000, "\x00"],
)
def test_everything_else_is_none(text):
    assert not checkpoint_safety.is_plain_literal(text)


@given(st.recursive(st.integers() | st.booleans() | st.text(max_size=5) | st.none(),
                    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner), max_leaves=8))
def test_every_value_that_python_prints_back_is_accepted_as_itself(value):
    assert checkpoint_safety.is_plain_literal(repr(value))
    assert ast.literal_eval(repr(value)) == value


def _evaluated_options(source: str) -> set[str]:
    """Attributes of args, cfg or self that a source file hands to eval or to fairseq's own evaluators."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        evaluates = name in {"eval_str_list", "eval_str_dict", "eval_bool"}
        evaluates |= isinstance(node.func, ast.Name) and name == "eval"
        if evaluates and isinstance(node.args[0], ast.Attribute):
            found.add(node.args[0].attr)
    return found


def test_every_option_that_the_installed_fairseq_evaluates_is_in_the_table():
    found: set[str] = set()
    for path in Path(fairseq.__file__).parent.rglob("*.py"):
        with warnings.catch_warnings(action="ignore"):  # fairseq's own string escapes
            found |= _evaluated_options(path.read_text(encoding="utf-8"))
    # `examples/mms/lid_rerank` evaluates files that its user names on its own command line.
    assert found - set(checkpoint_safety.EVALUATED) <= {"w", "lid_preds"}
    assert {"encoder_layers", "decoder_attention", "adam_betas", "adaptive_softmax_cutoff"} <= found


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"hello", "is no checkpoint"), (pickle.dumps({"a": 1}, 2), "checkpoint"), (None, "not exist")],
)
def test_a_file_that_is_no_checkpoint_is_one_line_that_names_it(tmp_path, content, words):
    path = tmp_path / "model.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_named_as_such(tmp_path, cut):
    path = tmp_path / "model.pt"
    torch.save(state(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(CheckpointError, match=r"truncated|empty"):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))


def test_the_newest_complete_checkpoint_is_found_by_its_updates(tmp_path):
    for name, updates in (("checkpoint1.pt", 10), ("checkpoint_2_30.pt", 30), ("checkpoint_best.pt", 20)):
        torch.save(state(updates), tmp_path / name)
    torch.save(state(40), tmp_path / "checkpoint4.pt")
    broken = tmp_path / "checkpoint4.pt"
    broken.write_bytes(broken.read_bytes()[:-200])
    last = tmp_path / "checkpoint_last.pt"
    assert checkpoint.newest_complete(str(tmp_path), besides=str(last)) == str(tmp_path / "checkpoint_2_30.pt")


def test_old_checkpoints_of_torchs_older_format_still_load(tmp_path):
    path = tmp_path / "old.pt"
    torch.save(state(5), path, _use_new_zipfile_serialization=False)
    loaded = checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert loaded["optimizer_history"][-1]["num_updates"] == 5
