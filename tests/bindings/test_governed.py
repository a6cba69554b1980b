"""Whose convention is in force, and that what was resolved reaches the config that is saved."""

from __future__ import annotations

from argparse import Namespace

import pytest
from omegaconf import OmegaConf

from aat_plugin.bindings import governed
from aat_plugin.errors import ConfigError


def whole(**conventions):
    sections = {name: {"convention": conventions.get(name)} for name in ("criterion", "model", "task")}
    return OmegaConf.create({"common": {"seed": 1}, **sections})


@pytest.mark.parametrize(("given", "expected"), [
    ({}, "paper"), ({"task": "t2t_head"}, "t2t_head"), ({"task": "t2t_head", "model": "fairseq"}, "fairseq"),
    ({"task": "t2t_head", "model": "fairseq", "criterion": "t2t_release"}, "t2t_release"),
])  # fmt: skip
def test_a_sections_own_convention_comes_first_then_the_models_then_the_tasks(given, expected):
    assert governed.dialect_of(whole(**given).criterion) == expected


def test_an_unknown_convention_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'t2t_haed'.*did you mean 't2t_head'"):
        governed.dialect_of(whole(task="t2t_haed").criterion)


def test_a_section_that_stands_alone_or_beside_a_stock_namespace_has_the_papers():
    assert governed.dialect_of(OmegaConf.create({"convention": None})) == "paper"
    cfg = OmegaConf.create({"criterion": {"convention": None}, "task": None}, flags={"allow_objects": True})
    cfg.model = Namespace(convention="fairseq")  # a stock class without a dataclass: its options are its own
    assert governed.dialect_of(cfg.criterion) == "paper"


def test_what_is_given_wins_over_the_convention():
    cfg = whole(model="t2t_head")
    cfg.criterion.smoothing_mass = "all"
    assert governed.resolve(cfg.criterion, "criterion") == {"smoothing_mass": "all"}
    cfg.criterion.smoothing_mass = None
    assert governed.resolve(cfg.criterion, "criterion") == {"smoothing_mass": "others"}


def test_stored_values_reach_the_copy_and_the_whole_config_with_booleans_as_the_options_take_them():
    cfg = whole()
    OmegaConf.set_struct(cfg, True)
    copy = OmegaConf.merge(OmegaConf.create({"extra": 1}), cfg.model)  # as fairseq hands sections to its builders
    copy._set_parent(cfg)
    governed.store(copy, "model", {"normalize_before": True, "d_k": 8})
    assert copy.normalize_before == cfg.model.normalize_before == "true"
    assert copy.d_k == cfg.model.d_k == 8
