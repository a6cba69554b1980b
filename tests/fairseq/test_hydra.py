"""conf/ under fairseq's own fairseq-hydra-train: from any folder, for both systems, and with mistakes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint

aat_plugin.register()
pytestmark = pytest.mark.fairseq

CONF = Path(__file__).resolve().parents[2] / "conf"
Train = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def train(fairseq_command, tiny_corpus, tmp_path) -> Train:
    """`train(override, …, conf=CONF, check=True)`: three updates of the demo's experiment, started in `tmp_path`."""
    shutil.copytree(tiny_corpus, tmp_path / "my-data")

    def run(*overrides: str, conf: Path = CONF, check: bool = True) -> subprocess.CompletedProcess[str]:
        return fairseq_command(
            "fairseq-hydra-train", "--config-dir", conf, "--config-name", "demo_translation", "task.data=my-data",
            "task.source_lang=src", "task.target_lang=tgt", "optimization.max_update=3", "checkpoint.save_dir=saved",
            "dataset.num_workers=0", *overrides, cwd=tmp_path, check=check,
        )  # fmt: skip

    return run


def saved_config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = read_checkpoint(str(folder / "saved/checkpoint_last.pt"))["cfg"]
    return config


def section(config: Any, name: str) -> dict[str, Any]:
    """A section of a checkpoint's config; a stock model's may be a namespace."""
    content = config[name]
    return dict(content) if hasattr(content, "keys") else vars(content)


def test_it_trains_from_any_folder_with_relative_paths_and_stores_what_it_used(train, tmp_path):
    train("model.d_model=16", "convention=t2t_head", "lr_scheduler.lr_factor=0.7")
    config = saved_config(tmp_path)
    model, schedule = section(config, "model"), section(config, "lr_scheduler")
    assert (model["_name"], model["d_model"], model["num_layers"]) == ("aat_transformer_tiny", 16, 2)
    assert str(model["normalize_before"]).lower() == "true", "t2t_head's, resolved"
    assert (model["attention_dropout"], model["position_layout"]) == (0.1, "halves")
    assert schedule["lr_factor"] == 0.7, "a single option beats the convention"
    assert schedule["schedule_width"] == 16
    assert section(config, "criterion")["smoothing_mass"] == "others"
    assert section(config, "optimizer")["adam_betas"] == "(0.9, 0.997)"
    assert section(config, "task")["convention"] == "t2t_head"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my-data", "saved"], "no outputs/, no log file"


def test_stock_fairseq_is_one_override_away(train, tmp_path):
    sizes = [f"model.{side}_{name}=16" for side in ("encoder", "decoder") for name in ("embed_dim", "ffn_embed_dim")]
    done = train("system=fairseq", "variation=C1", "hardware=cpu", *sizes)
    config = saved_config(tmp_path)
    model = section(config, "model")
    assert (model["_name"], model["encoder_layers"], model["decoder_layers"]) == ("transformer", 2, 2)
    assert section(config, "criterion")["_name"] == "label_smoothed_cross_entropy"
    assert section(config, "criterion")["label_smoothing"] == 0.1
    schedule = section(config, "lr_scheduler")
    assert (schedule["_name"], schedule["schedule_width"]) == ("aat_noam", 16)
    assert section(config, "task")["_name"] == "aat_translation"
    assert "num_updates: 3" in done.stdout or "3 updates" in done.stdout


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line with which the plugin refused."""
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("aat_plugin: ")]
    assert len(lines) == 1, done.stderr[-2000:]
    return lines[0]


def test_unknown_options_end_in_one_line_that_names_each(train, tmp_path):
    line = refusal(train("+model.nonsense=3", "+criterion.label_smothing=0.2", "+task.sourc_lang=en",
                         "+lr_scheduler.warmup_update=1", "+optimizer.adam_beta=1", "+dataset.max_token=3",
                         check=False))  # fmt: skip
    for key, nearest in {
        "criterion.label_smothing": "label_smoothing",
        "task.sourc_lang": "source_lang",
        "lr_scheduler.warmup_update": "warmup_updates",
        "optimizer.adam_beta": "adam_betas",
        "dataset.max_token": "max_tokens",
    }.items():
        assert f"{key} is no option of " in line
        assert f"did you mean '{nearest}'?" in line
    assert "model.nonsense is no option of aat_transformer_tiny; the nearest is" in line
    assert not (tmp_path / "saved").exists(), "nothing ran"


def test_an_unknown_key_of_a_stock_model_in_a_file_does_too(train, tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf)
    with (conf / "size/fairseq_demo.yaml").open("a") as size:
        size.write("  encoder_layer: 3\n")
    line = refusal(train("system=fairseq", conf=conf, check=False))
    assert "model.encoder_layer is no option of transformer; did you mean 'encoder_layers'?" in line


def test_a_value_of_the_wrong_type_does_too(train):
    line = refusal(train("model.num_layers=abc", check=False))
    assert line.startswith("aat_plugin: model.num_layers: ")
    assert "abc" in line


def test_a_users_own_file_without_our_groups_is_held_as_well(fairseq_command, tiny_corpus, tmp_path, user_dir):
    (tmp_path / "mine.yaml").write_text(
        f"""
common: {{user_dir: {user_dir}, cpu: true}}
task: {{_name: aat_translation, data: {tiny_corpus}}}
model: {{_name: aat_transformer_tiny, droput: 0.2}}
criterion: {{_name: aat_label_smoothing}}
optimizer: {{_name: adam}}
lr_scheduler: {{_name: aat_noam}}
dataset: {{max_tokens: 500}}
"""
    )
    done = fairseq_command("fairseq-hydra-train", "--config-dir", tmp_path, "--config-name", "mine", "hydra.run.dir=.",
                           cwd=tmp_path, check=False)  # fmt: skip
    assert "model.droput is no option of aat_transformer_tiny; did you mean 'dropout'?" in refusal(done)


def test_a_choice_that_does_not_exist_is_hydras_own_error(train):
    done = train("variation=A9", check=False)
    assert done.returncode == 1
    assert "Could not find 'variation/A9'" in done.stderr
