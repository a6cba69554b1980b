"""Weights, config and dictionaries as safetensors and JSON: bit by bit there and back, and without fairseq."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from travelling import batch, data_bin, dictionary, logits, our_model, our_state, save_ours

from aat_plugin.bindings.dictionaries import read_dictionaries
from aat_plugin.bindings.saved_model import read_model
from aat_plugin.errors import AatError, CheckpointError, DataError, UnsafeCheckpointError
from aat_plugin.export.safetensors_folder import DESCRIPTION, WEIGHTS, export_safetensors, import_safetensors, load

ROOT = Path(__file__).resolve().parents[2]


def exported(tmp_path, dialect="paper", **options):
    data = data_bin(tmp_path / "bin")
    model, path = save_ours(tmp_path / "ours.pt", data, dialect, **options)
    return model, path, export_safetensors(path, tmp_path / "model")


@pytest.mark.parametrize("options", [
    {}, dict(share_all_embeddings="false"), dict(learned_positions="true"), dict(d_k=3, d_v=5),
    dict(share_all_embeddings="false", share_decoder_input_output_embed="false"),
])  # fmt: skip
def test_the_way_there_and_back_changes_no_bit(tmp_path, dialect, options):
    _, path, done = exported(tmp_path, dialect, **options)
    back = import_safetensors(done.output, tmp_path / "back.pt", tmp_path / "words")
    here, there = torch.load(path), torch.load(back.output)
    assert sorted(there["model"]) == sorted(here["model"])
    assert all(torch.equal(there["model"][name], tensor) for name, tensor in here["model"].items())
    assert there["cfg"] == here["cfg"]
    assert there["optimizer_history"][-1]["num_updates"] == 7
    assert read_model(back.output).config == read_model(path).config
    for language in ("src", "tgt"):
        name = f"dict.{language}.txt"
        assert (tmp_path / "words" / name).read_bytes() == (tmp_path / "bin" / name).read_bytes()


def test_half_precision_survives(tmp_path):
    model, _, section = our_model(share_all_embeddings="false", share_decoder_input_output_embed="false")
    torch.save(our_state(model.bfloat16(), section, data_bin(tmp_path / "bin")), tmp_path / "ours.pt")
    export_safetensors(tmp_path / "ours.pt", tmp_path / "model")
    import_safetensors(tmp_path / "model", tmp_path / "back.pt")
    for name, tensor in torch.load(tmp_path / "back.pt")["model"].items():
        assert tensor.dtype == torch.bfloat16
        assert torch.equal(tensor, model.state_dict()[name])


def test_tied_weights_are_stored_once(tmp_path):
    model, _, done = exported(tmp_path)
    stored = load_file(done.output / WEIGHTS)
    assert "encoder.embed_tokens.weight" in stored
    assert "decoder.embed_tokens.weight" not in stored
    assert "decoder.output_projection.weight" not in stored
    assert done.weights == sum(parameter.numel() for parameter in model.parameters())


def test_load_gives_a_model_with_the_same_logits(tmp_path, dialect):
    model, _, done = exported(tmp_path, dialect)
    loaded, description = load(done.output)
    source, target = batch()
    assert torch.equal(logits(loaded, source, target), logits(model, source, target))
    assert description["dictionaries"]["source"]["symbols"] == dictionary().symbols


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("fairseq", "fairseq_cli", "hydra", "omegaconf"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Blocked())
"""


@pytest.mark.parametrize("block", [BLOCKED, "import sys\nsys.modules['fairseq'] = None\n"])
def test_the_five_lines_of_the_documentation_need_no_fairseq(tmp_path, block):
    _, _, done = exported(tmp_path)
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    lines = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    assert len(lines.strip().splitlines()) == 5
    check = "import torch\nprint(model(torch.tensor([[4, 5, 2]]), None, torch.tensor([[2, 4]]))[0].shape)\n"
    program = f"{block}{lines}{check}assert not sys.modules.get('fairseq')\n"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=done.output.parent)
    assert ran.stdout.strip() == "torch.Size([1, 2, 20])", ran.stderr


def test_the_function_needs_no_fairseq_either(tmp_path):
    _, _, done = exported(tmp_path)
    program = f"{BLOCKED}\nfrom pathlib import Path\nfrom aat_plugin.export.safetensors_folder import load\n"
    program += f"print(load(Path({str(done.output)!r}))[0].encoder.config.d_model)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.strip() == "16", ran.stderr


def test_anybody_may_read_the_weights_who_may_read_the_description(tmp_path):
    _, _, done = exported(tmp_path)
    assert (done.output / WEIGHTS).stat().st_mode == (done.output / DESCRIPTION).stat().st_mode


def test_dictionaries_of_another_model_are_named(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", "nowhere")
    with pytest.raises(DataError, match="--data"):
        export_safetensors(path, tmp_path / "model")
    other = data_bin(tmp_path / "other", source=3, target=3)
    with pytest.raises(DataError, match=r"has 7 symbols and the source embeddings of .* have 20 rows"):
        export_safetensors(path, tmp_path / "model", other)
    (other / "dict.src.txt").write_text("word notanumber\n")
    with pytest.raises(DataError, match="cannot be read"):
        export_safetensors(path, tmp_path / "model", other)
    (other / "dict.src.txt").unlink()
    with pytest.raises(DataError, match="does not exist"):
        export_safetensors(path, tmp_path / "model", other)
    assert not (tmp_path / "model").exists()


def test_languages_are_read_off_the_files_where_the_run_did_not_name_them(tmp_path):
    data = data_bin(tmp_path / "bin")
    source, target = read_dictionaries({"data": str(data)}, None, (20, 20), Path("x.pt"))
    assert (source.language, target.language) == ("src", "tgt")


def changed(change):
    """A change to the JSON."""

    def apply(place):
        description = json.loads((place / DESCRIPTION).read_text())
        change(description)
        (place / DESCRIPTION).write_text(json.dumps(description))

    return apply


def weights_changed(change):
    """A change to the weights."""

    def apply(place):
        stored = load_file(place / WEIGHTS)
        change(stored)
        save_file(stored, place / WEIGHTS)

    return apply


HOSTILE = {
    "cut off": lambda place: (place / WEIGHTS).write_bytes((place / WEIGHTS).read_bytes()[:500]),
    "no safetensors": lambda place: (place / WEIGHTS).write_bytes(b"\x80\x02not a tensor"),
    "a header without end": lambda place: (place / WEIGHTS).write_bytes(b"\xff" * 64),
    "weights gone": lambda place: (place / WEIGHTS).unlink(),
    "description gone": lambda place: (place / DESCRIPTION).unlink(),
    "no JSON": lambda place: (place / DESCRIPTION).write_text("{"),
    "deep JSON": lambda place: (place / DESCRIPTION).write_text("[" * 100_000),
    "no UTF-8": lambda place: (place / DESCRIPTION).write_bytes(b"\xff\xfe"),
    "another format": changed(lambda one: one.update(format="other/9")),
    "a list": lambda place: (place / DESCRIPTION).write_text("[]"),
    "no config": changed(lambda one: one.pop("config")),
    "a billion layers": changed(lambda one: one["config"].update(num_layers=10**9)),
    "an endless width": changed(lambda one: one["config"].update(d_ff=10**18)),
    "text for a number": changed(lambda one: one["config"].update(d_model="16")),
    "a truth for a number": changed(lambda one: one["config"].update(num_heads=True)),
    "an unknown option": changed(lambda one: one["config"].update(unheard_of=1)),
    "another size": changed(lambda one: one["config"].update(d_ff=8)),
    "a weight too many": weights_changed(lambda stored: stored.update(extra=torch.zeros(1))),
    "a weight too few": weights_changed(lambda stored: stored.pop("decoder.layers.0.fc1.bias")),
    "another shape": weights_changed(lambda stored: stored.update({"decoder.layers.0.fc1.bias": torch.zeros(1)})),
}
OF_IMPORT = {
    "no options of fairseq": changed(lambda one: one.pop("fairseq")),
    "options of another model": changed(lambda one: one["fairseq"]["model"].update(dropout=0.7)),
    "options of a stock model": changed(lambda one: one["fairseq"]["model"].update(_name="transformer")),
    "no dictionaries": changed(lambda one: one.pop("dictionaries")),
    "a dictionary of numbers": changed(lambda one: one["dictionaries"]["source"].update(symbols=[1, 2, 3, 4])),
    "a dictionary that leaves the folder": changed(
        lambda one: one["dictionaries"]["source"].update(language="../../escaped")
    ),
    "updates that are no number": changed(lambda one: one.update(updates="many")),
}


@pytest.mark.parametrize("name", [*HOSTILE, *OF_IMPORT])
def test_a_hostile_folder_is_one_line_and_nothing_is_written(tmp_path, name):
    _, _, done = exported(tmp_path)
    {**HOSTILE, **OF_IMPORT}[name](done.output)
    for run in (lambda: load(done.output), lambda: import_safetensors(done.output, tmp_path / "back.pt", tmp_path)):
        if name in OF_IMPORT and run.__code__.co_names[0] == "load":
            continue
        with pytest.raises(AatError) as refused:
            run()
        assert "\n" not in str(refused.value)
        assert not (tmp_path / "back.pt").exists()
        assert not (tmp_path / "dict.src.txt").exists()


def test_options_that_fairseq_would_evaluate_are_refused(tmp_path):
    _, _, done = exported(tmp_path)
    changed(lambda one: one["fairseq"]["optimizer"].update(adam_betas="__import__('os')"))(done.output)
    with pytest.raises(UnsafeCheckpointError):
        import_safetensors(done.output, tmp_path / "back.pt")


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    _, path, done = exported(tmp_path)
    with pytest.raises(DataError, match="exists already"):
        export_safetensors(path, done.output)


def test_another_model_is_refused(tmp_path):
    _, path, _ = exported(tmp_path)
    state = torch.load(path)
    state["cfg"]["model"]["_name"] = "lstm"
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not the plugin's"):
        export_safetensors(tmp_path / "other.pt", tmp_path / "new")
