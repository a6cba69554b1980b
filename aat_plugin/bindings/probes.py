"""What the conformance room measures of the parts that only exist under fairseq: a schedule's resume, an ensemble.

Each function builds the real classes with the least that they need. Read `conformance.section_5` and `section_6` for
what the numbers are held against.
"""

from __future__ import annotations

from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.optim.adam import FairseqAdam
from omegaconf import OmegaConf
from torch import Tensor

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.bindings.decoding_step import ModelSteps, prepare
from aat_plugin.bindings.lr_scheduler import AatNoamSchedule
from aat_plugin.bindings.model import AatTransformerModel


def rates(d_model: int, updates: int, stop: int) -> list[float]:
    """The rates that updates 1 … `updates` use, with a stop after update `stop` and a resume from its checkpoint.

    Args:
        d_model: the model's width.
        updates: how many.
        stop: where the process ends; the schedule is built anew and loaded, as fairseq's trainer does.
    """
    schedule, used = _schedule(d_model), []
    for update in range(1, updates + 1):
        used.append(float(schedule.optimizer.get_lr()))
        schedule.step_update(update)
        if update == stop:
            saved = schedule.state_dict()
            schedule = _schedule(d_model)
            schedule.load_state_dict(saved)
            schedule.step_update(stop)
    return used


def _schedule(d_model: int) -> AatNoamSchedule:
    nothing = dict(_name="aat_noam", warmup_updates=None, lr_factor=None, schedule_width=None, convention=None)
    adam = dict(adam_betas="(0.9, 0.98)", adam_eps=1e-9, weight_decay=0.0, use_old_adam=False, fp16_adam_stats=False,
                tpu=False, lr=[0.0])  # fmt: skip
    optimizer = FairseqAdam(OmegaConf.create(adam), [torch.nn.Parameter(torch.zeros(1))])
    section = OmegaConf.create({"lr_scheduler": nothing, "model": {"d_model": d_model}}).lr_scheduler
    return AatNoamSchedule(section, optimizer)


def ensemble(config: TransformerConfig, states: list[dict[str, Tensor]], source: Tensor, prefix: Tensor) -> Tensor:
    """log P of the next token under an ensemble of our models, through fairseq's own.

    Args:
        config: of every member.
        states: one state dict a member.
        source: (1, src_len).
        prefix: (1, length), what was said so far.

    Returns:
        (V,).
    """
    dictionary = Dictionary()
    for number in range(config.target_vocabulary - len(dictionary)):
        dictionary.add_symbol(f"w{number}")
    members = []
    for state in states:
        member: Any = AatTransformerModel(config, dictionary, dictionary).double().eval()
        member.load_state_dict(state)
        members.append(member)
    lengths = torch.tensor([source.size(1)])
    steps = ModelSteps(prepare(members, 1, False), {"src_tokens": source, "src_lengths": lengths}, 1, 1.0)
    with torch.no_grad():
        return steps.scores(prefix).scores[0]
