"""The file that `aat export fairseq` writes: plain, complete, and of a stock run."""

from __future__ import annotations

import dataclasses
import os

import pytest
import torch
from travelling import our_model, our_state, save_ours

from aat_plugin.errors import AatError, CheckpointError, DataError, UnsafeCheckpointError
from aat_plugin.export.reasons import NotExpressibleError
from aat_plugin.export.to_fairseq import export_fairseq


def test_the_file_holds_nothing_that_safe_loading_refuses(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", "data")
    done = export_fairseq(path, tmp_path / "stock.pt")
    assert torch.serialization.get_unsafe_globals_in_checkpoint(done.output) == []
    state = torch.load(done.output, weights_only=True)
    assert state["cfg"]["model"]["_name"] == "transformer"
    assert state["cfg"]["task"]["_name"] == "translation"
    assert state["cfg"]["criterion"]["_name"] == "label_smoothed_cross_entropy"
    assert state["cfg"]["common"]["user_dir"] is None
    assert state["cfg"]["task"]["left_pad_source"] is True
    assert state["cfg"]["task"]["left_pad_target"] is False
    assert "aat" not in str(state["cfg"])


def test_stocks_schedule_goes_through_the_papers_peak(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", "data")
    export_fairseq(path, tmp_path / "stock.pt")
    schedule = torch.load(tmp_path / "stock.pt")["cfg"]["lr_scheduler"]
    assert schedule["_name"] == "inverse_sqrt"
    assert schedule["warmup_updates"] == 400
    assert schedule["lr"] == [pytest.approx(16**-0.5 * 400**-0.5)]


def test_tied_weights_are_written_once(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", "data")
    done = export_fairseq(path, tmp_path / "stock.pt")
    weights = torch.load(done.output)["model"]
    names = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight"]
    assert len({weights[name].data_ptr() for name in names}) == 1
    assert done.added_biases
    assert done.learned_positions == ["encoder", "decoder"]


def test_what_stock_cannot_say_is_listed_and_nothing_is_written(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", "data", "t2t_release", d_k=4)
    with pytest.raises(NotExpressibleError) as refused:
        export_fairseq(path, tmp_path / "stock.pt")
    assert "2 reasons" in str(refused.value)
    assert "d_k=4" in str(refused.value)
    assert "layer_norm_eps=1e-06" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == ["ours.pt"]


@pytest.mark.parametrize(("out", "word"), [
    ("ours.pt", "another name"), (".", "is a folder"), ("missing/stock.pt", "does not exist"),
])  # fmt: skip
def test_a_place_that_will_not_do_is_named(tmp_path, out, word):
    _, path = save_ours(tmp_path / "ours.pt", "data")
    before = path.read_bytes()
    with pytest.raises(DataError, match=word):
        export_fairseq(path, tmp_path / out)
    assert path.read_bytes() == before


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    _, path = save_ours(tmp_path / "ours.pt", "data")
    (tmp_path / "stock.pt").write_text("older")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CheckpointError, match="No space left"):
        export_fairseq(path, tmp_path / "stock.pt")
    assert (tmp_path / "stock.pt").read_text() == "older"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ours.pt", "stock.pt"]


HOSTILE = {
    "a stock model": lambda state: state["cfg"]["model"].update(_name="transformer"),
    "an unknown model": lambda state: state["cfg"]["model"].update(_name="nobody's"),
    "no options": lambda state: state["cfg"].update(model=None),
    "a weight too few": lambda state: state["model"].pop("decoder.layers.1.fc1.bias"),
    "a weight of another shape": lambda state: state["model"].update({"decoder.layers.1.fc1.bias": torch.zeros(1)}),
    "no embeddings": lambda state: state["model"].pop("encoder.embed_tokens.weight"),
    "a billion layers": lambda state: state["cfg"]["model"].update(num_layers=10**9),
    "an endless width": lambda state: state["cfg"]["model"].update(d_ff=10**18),
    "text for a number": lambda state: state["cfg"]["model"].update(d_model="wide"),
    "an unknown choice": lambda state: state["cfg"]["model"].update(position_layout="spiral"),
    "an unknown option": lambda state: state["cfg"]["model"].update(unheard_of=1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_checkpoint_is_one_line(tmp_path, name):
    model, _, section = our_model()
    state = our_state(model, section)
    HOSTILE[name](state)
    torch.save(state, tmp_path / "ours.pt")
    with pytest.raises(AatError) as refused:
        export_fairseq(tmp_path / "ours.pt", tmp_path / "stock.pt")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "stock.pt").exists()


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    model, _, section = our_model()
    torch.save({**our_state(model, section), "extra_state": os.system}, tmp_path / "ours.pt")
    with pytest.raises(UnsafeCheckpointError):
        export_fairseq(tmp_path / "ours.pt", tmp_path / "stock.pt")


def test_half_precision_weights_keep_exact_positions(tmp_path):
    model, config, section = our_model()
    state = our_state(model, section)
    state["model"] = {name: tensor.half() for name, tensor in state["model"].items()}
    shared = state["model"]["encoder.embed_tokens.weight"]
    state["model"]["decoder.embed_tokens.weight"] = state["model"]["decoder.output_projection.weight"] = shared
    torch.save(state, tmp_path / "ours.pt")
    export_fairseq(tmp_path / "ours.pt", tmp_path / "stock.pt")
    weights = torch.load(tmp_path / "stock.pt")["model"]
    assert weights["encoder.embed_positions.weight"].dtype == torch.float32
    assert weights["encoder.layers.0.self_attn.q_proj.bias"].dtype == torch.float16
    assert dataclasses.is_dataclass(config)
