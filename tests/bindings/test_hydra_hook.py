"""The callback finds the plugin for Hydra and ends a command before the run when an option is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

import aat_plugin
from aat_plugin.bindings import hydra_hook
from aat_plugin.errors import UnknownOptionError

LAUNCH = Path(__file__).resolve().parents[2] / "conf/launch/here.yaml"
SECTIONS = {"common": {"seed": 1}, "task": {"_name": "aat_translation"}}


def test_the_launch_file_builds_the_callback_and_the_callback_finds_the_plugin():
    OmegaConf.clear_resolver(hydra_hook.USER_DIR_RESOLVER)
    config = OmegaConf.load(LAUNCH)
    (params,) = config.hydra.callbacks.values()
    assert isinstance(instantiate(params), hydra_hook.AatHook)
    assert config.common.user_dir == str(Path(aat_plugin.__file__).parent)
    assert (Path(config.common.user_dir) / "bindings").is_dir()


def test_a_known_option_passes_and_an_unknown_one_is_an_exception_for_python():
    hook = hydra_hook.AatHook()
    hook.on_job_start(OmegaConf.create({**SECTIONS, "model": {"_name": "aat_transformer_base", "dropout": 0.2}}))
    with pytest.raises(UnknownOptionError, match=r"model\.droput .*'dropout'"):
        hook.on_job_start(OmegaConf.create({**SECTIONS, "model": {"_name": "aat_transformer_base", "droput": 0.2}}))


def test_under_a_command_the_unknown_option_ends_the_process_though_hydra_swallows_exceptions(monkeypatch):
    mistaken = OmegaConf.create({**SECTIONS, "model": {"_name": "aat_transformer_base", "droput": 0.2}})
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/fairseq-hydra-train"])
    with pytest.raises(SystemExit, match=r"model\.droput"):
        hydra_hook.AatHook().on_job_start(mistaken)
