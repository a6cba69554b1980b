"""Unknown keys, unknown names and wrong types are one clear line; what fairseq writes itself is left alone."""

from __future__ import annotations

import argparse

import fairseq_cli.train
import pytest
from fairseq import models, options, tasks
from fairseq.dataclass.configs import FairseqConfig
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.registry import REGISTRIES
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

import aat_plugin
from aat_plugin.bindings import config_check
from aat_plugin.errors import ConfigError, UnknownOptionError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True, scope="module")
def _registered():
    aat_plugin.register()


def whole(**sections: object) -> DictConfig:
    """A composed config as the check sees it: plain sections beside fairseq's own."""
    return OmegaConf.create(
        {
            "common": {"seed": 1},
            "optimization": {"max_update": 3},
            "task": {"_name": "aat_translation", "data": "somewhere"},
            "model": {"_name": "aat_transformer_base"},
            "criterion": {"_name": "aat_label_smoothing"},
            "optimizer": {"_name": "adam"},
            "lr_scheduler": {"_name": "aat_noam"},
            **sections,
        }
    )


@pytest.mark.parametrize(
    ("key", "nearest", "name"),
    [
        ("model.droput", "dropout", "aat_transformer_base"),
        ("model.num_layer", "num_layers", "aat_transformer_tiny"),
        ("model.encoder_layer", "encoder_layers", "transformer"),
        ("model.encoder_embed_dims", "encoder_embed_dim", "transformer_iwslt_de_en"),
        ("model.encoder_hidden_sise", "encoder_hidden_size", "lstm"),
        ("model.decoder_embd_dim", "decoder_embed_dim", "fconv"),
        ("criterion.label_smothing", "label_smoothing", "aat_label_smoothing"),
        ("criterion.label_smothing", "label_smoothing", "label_smoothed_cross_entropy"),
        ("optimizer.adam_beta", "adam_betas", "adam"),
        ("optimizer.momentun", "momentum", "sgd"),
        ("lr_scheduler.warmup_update", "warmup_updates", "aat_noam"),
        ("task.lenght_penalty", "length_penalty", "aat_translation"),
        ("task.source_land", "source_lang", "translation"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(key, nearest, name):
    section, unknown = key.split(".")
    with pytest.raises(UnknownOptionError) as raised:
        config_check.check(whole(**{section: {"_name": name, unknown: 3}}))
    assert str(raised.value) == f"{key} is no option of {name}; did you mean '{nearest}'?"


@pytest.mark.parametrize(("section", "unknown", "nearest"), [
    ("common", "sede", "seed"), ("optimization", "max_updates", "max_update"), ("dataset", "max_token", "max_tokens"),
    ("checkpoint", "save_directory", "save_dir"), ("generation", "lenpenn", "lenpen"),
])  # fmt: skip
def test_fairseqs_own_sections_are_held_too(section, unknown, nearest):
    with pytest.raises(UnknownOptionError, match=rf"{section}\.{unknown} .*'{nearest}'"):
        config_check.check(whole(**{section: {unknown: 3}}))


def test_a_section_that_does_not_exist_is_named():
    with pytest.raises(UnknownOptionError, match=r"^modle is no option of the config; did you mean 'model'"):
        config_check.check(whole(modle={"_name": "aat_transformer_base"}))


def test_all_unknown_keys_are_named_at_once_in_one_line():
    with pytest.raises(UnknownOptionError) as raised:
        config_check.check(whole(model={"_name": "aat_transformer", "nonsense": 1, "droput": 2}, extra=3))
    text = str(raised.value)
    assert "\n" not in text
    assert all(key in text for key in ("model.nonsense", "model.droput", "extra"))
    assert "the nearest is" in text, "nothing is near 'nonsense', and one is named all the same"


@pytest.mark.parametrize(("section", "typed", "meant"), [
    ("model", "aat_transfomer_base", "aat_transformer_base"),
    ("criterion", "aat_label_smothing", "aat_label_smoothing"),
    ("task", "aat_translatoin", "aat_translation"), ("lr_scheduler", "aat_naom", "aat_noam"),
    ("optimizer", "adamm", "adam"),
])  # fmt: skip
def test_a_name_that_is_not_registered_is_refused_with_the_nearest(section, typed, meant):
    with pytest.raises(ConfigError, match=rf"^{section}\._name='{typed}' is not registered; did you mean '{meant}'\?$"):
        config_check.check(whole(**{section: {"_name": typed}}))


@pytest.mark.parametrize("section", [
    {"model": {"_name": "aat_transformer_base", "num_layers": "abc"}},
    {"criterion": {"_name": "aat_label_smoothing", "label_smoothing": "much"}},
    {"lr_scheduler": {"_name": "aat_noam", "warmup_updates": "soon"}},
    {"task": {"_name": "aat_translation", "max_source_positions": "many"}},
])  # fmt: skip
def test_a_value_of_the_wrong_type_is_one_line_that_names_the_option(section):
    name, content = next(iter(section.items()))
    key, value = list(content.items())[1]
    with pytest.raises(ConfigError) as raised:
        config_check.check(whole(**section))
    text = str(raised.value)
    assert text.startswith(f"{name}.{key}: ")
    assert value in text
    assert "\n" not in text


@given(st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True))
def test_any_key_is_either_an_option_or_an_error_that_names_it(key):
    cfg = whole(model={"_name": "aat_transformer_base", key: None})
    fields = models.MODEL_DATACLASS_REGISTRY["aat_transformer_base"].__dataclass_fields__
    if key in fields:
        assert config_check._unknown_in_section("model", cfg.model) == []
        return
    with pytest.raises(UnknownOptionError, match=f"^model.{key} is no option of aat_transformer_base; "):
        config_check.check(cfg)


def test_every_registered_dataclass_passes_with_its_own_fields():
    registries = {"model": models.MODEL_DATACLASS_REGISTRY, "task": tasks.TASK_DATACLASS_REGISTRY}
    registries |= {name: REGISTRIES[name]["dataclass_registry"] for name in ("criterion", "optimizer", "lr_scheduler")}
    assert len(registries["model"]) > 5
    for section, registry in registries.items():
        for name, dataclass in registry.items():
            keys = dict.fromkeys(dataclass.__dataclass_fields__, "???")
            config_check.check(whole(**{section: {**keys, "_name": name}}))


def test_every_stock_architecture_passes_with_what_it_fills_in():
    legacy = set(models.ARCH_CONFIG_REGISTRY) - set(models.MODEL_DATACLASS_REGISTRY)
    assert {"transformer_iwslt_de_en", "lstm", "fconv"} <= legacy
    for name in legacy:
        config_check.check(whole(model={"_name": name}))
    for name in ("transformer", "transformer_iwslt_de_en", "transformer_vaswani_wmt_en_de_big", "lstm", "fconv",
                 "lightconv", "transformer_align", "bart_base"):  # fmt: skip
        filled = argparse.Namespace()
        models.ARCH_CONFIG_REGISTRY[name](filled)
        config_check.check(whole(model={**vars(filled), "_name": name}))


@pytest.mark.parametrize("arch", ["aat_transformer_base", "transformer", "lstm"])
def test_what_flags_gave_passes_and_argparse_namespaces_are_left_alone(arch):
    line = ["data", "--arch", arch, "--task", "aat_translation", "--criterion", "aat_label_smoothing",
            "--lr-scheduler", "aat_noam", "--optimizer", "adam", "--max-tokens", "64"]  # fmt: skip
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(options.get_training_parser(), line))
    assert isinstance(cfg._get_node("model"), DictConfig) is (arch == "aat_transformer_base")
    config_check.check(cfg)


def test_a_section_that_stands_alone_is_left_alone():
    config_check.check(OmegaConf.create({"_name": "aat_translation", "nonsense": 3}))


def test_hydras_and_fairseqs_additions_to_the_root_pass():
    config_check.check(whole(hydra={"run": {"dir": "."}}, job_logging_cfg={"version": 1}))


def test_sections_that_were_not_chosen_pass():
    config_check.check(OmegaConf.structured(FairseqConfig(task={"_name": "aat_translation"})))


def test_training_checks_before_fairseq_fills_in_defaults_and_only_once(monkeypatch):
    stock = fairseq_cli.train.add_defaults
    stock = getattr(stock, "__wrapped__", stock)
    monkeypatch.setattr(fairseq_cli.train, "add_defaults", stock)
    config_check.install()
    wrapped = fairseq_cli.train.add_defaults
    config_check.install()
    assert fairseq_cli.train.add_defaults is wrapped
    with pytest.raises(UnknownOptionError, match=r"model\.nonsense"):
        wrapped(whole(model={"_name": "aat_transformer_base", "nonsense": 3}))
    cfg = whole()
    wrapped(cfg)
    assert cfg.model.num_layers == 6, "the defaults are filled in as before"
