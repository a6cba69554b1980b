"""Eq. 3 at each update, as fairseq's trainer asks for it."""

from __future__ import annotations

import logging

import pytest
import torch
from fairseq.optim.adam import FairseqAdam
from omegaconf import OmegaConf

from aat_plugin.bindings.lr_scheduler import AatNoamSchedule
from aat_plugin.errors import ConfigError


def optimizer(betas="(0.9, 0.98)", eps=1e-9):
    cfg = OmegaConf.create(
        dict(adam_betas=betas, adam_eps=eps, weight_decay=0.0, use_old_adam=False, fp16_adam_stats=False, tpu=False,
             lr=[0.25])
    )
    return FairseqAdam(cfg, [torch.nn.Parameter(torch.zeros(2))])


def section(model=None, **options):
    empty = dict(_name="aat_noam", warmup_updates=None, lr_factor=None, schedule_width=None, convention=None)
    return OmegaConf.create({"lr_scheduler": {**empty, **options}, "model": model or {}}).lr_scheduler


def rate(step, width=512, warmup=4000):
    return width**-0.5 * min(step**-0.5, step * warmup**-1.5)


def test_update_n_uses_the_rate_of_step_n():
    adam = optimizer()
    schedule = AatNoamSchedule(section({"d_model": 512}), adam)
    for update in range(1, 6):
        assert adam.get_lr() == pytest.approx(rate(update), rel=1e-12)
        schedule.step_update(update)  # as the trainer does after update number `update`
    for updates in (3999, 4000, 99_999):
        assert schedule.step_update(updates) == pytest.approx(rate(updates + 1), rel=1e-12)


def test_a_resumed_schedule_continues_where_it_was():
    adam = optimizer()
    AatNoamSchedule(section({"d_model": 64}), adam).step_update(1234)
    resumed = optimizer()
    schedule = AatNoamSchedule(section({"d_model": 64}), resumed)
    schedule.load_state_dict({"best": 3.5})
    schedule.step_update(1234)
    assert resumed.get_lr() == adam.get_lr() == pytest.approx(rate(1235, 64), rel=1e-12)
    assert schedule.best == 3.5


def test_an_epochs_end_changes_no_rate_and_remembers_the_best_loss():
    adam = optimizer()
    schedule = AatNoamSchedule(section({"d_model": 64}), adam)
    before = adam.get_lr()
    schedule.step(1, 4.0)
    schedule.step(2, 5.0)
    assert adam.get_lr() == before
    assert schedule.state_dict() == {"best": 4.0}


def test_factor_and_warm_up_follow_the_convention_unless_given():
    head = section({"d_model": 512, "convention": "t2t_head"})
    adam = optimizer("(0.9, 0.997)")
    AatNoamSchedule(head, adam)
    assert adam.get_lr() == pytest.approx(2 * rate(1, 512, 8000), rel=1e-12)
    assert (head.warmup_updates, head.lr_factor, head.schedule_width) == (8000, 2.0, 512)
    given = section({"d_model": 512, "convention": "t2t_head"}, warmup_updates=10, lr_factor=0.5)
    AatNoamSchedule(given, adam)
    assert adam.get_lr() == pytest.approx(0.5 * rate(1, 512, 10), rel=1e-12)


def test_a_model_without_a_width_needs_one_and_512_is_never_assumed():
    with pytest.raises(ConfigError, match="--schedule-width"):
        AatNoamSchedule(section({"encoder_embed_dim": 512}), optimizer())
    adam = optimizer()
    AatNoamSchedule(section({"encoder_embed_dim": 512}, schedule_width=256), adam)
    assert adam.get_lr() == pytest.approx(rate(1, 256), rel=1e-12)


@pytest.mark.parametrize(("betas", "eps", "warned"), [
    ("(0.9, 0.98)", 1e-9, []), ("(0.9, 0.999)", 1e-9, ["--adam-betas"]), ("(0.9, 0.98)", 1e-8, ["--adam-eps"]),
    ("(0.9, 0.999)", 1e-8, ["--adam-betas", "--adam-eps"]),
])
def test_adams_constants_that_are_not_the_conventions_are_warned_about(caplog, betas, eps, warned):
    with caplog.at_level(logging.WARNING):
        AatNoamSchedule(section({"d_model": 8}), optimizer(betas, eps))
    assert [record.message.split()[0] for record in caplog.records] == warned
