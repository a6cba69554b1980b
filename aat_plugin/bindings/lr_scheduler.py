"""`aat_noam`: Section 5.3's Eq. 3, exact at each update.

fairseq asks for the next rate after an update, so update n uses the rate that was set after update n - 1: the step in
Eq. 3 is num_updates + 1.
"""

import ast
import logging
from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from fairseq.optim.lr_scheduler import FairseqLRScheduler, register_lr_scheduler
from omegaconf import DictConfig

from aat_plugin import conventions
from aat_plugin.bindings import governed
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.flags import governed_flag
from aat_plugin.errors import ConfigError
from aat_plugin.training.lr_schedule import noam_rate

logger = logging.getLogger(__name__)


@dataclass
class AatNoamConfig(FairseqDataclass):
    """The schedule's options; it computes the rate, so --lr is not used."""

    warmup_updates: Optional[int] = governed_flag("updates of linear growth (Section 5.3)")
    lr_factor: Optional[float] = governed_flag("a factor on Eq. 3; 1 in the paper")
    schedule_width: Optional[int] = field(
        default=None, metadata={"help": "d_model in Eq. 3; default the model's, needed where a stock model has none"}
    )
    convention: Optional[str] = governed_flag("paper | t2t_release | t2t_head | fairseq")


@register_lr_scheduler("aat_noam", dataclass=AatNoamConfig)
class AatNoamSchedule(FairseqLRScheduler):
    """lr = factor · d_model^-0.5 · min(step^-0.5, step · warmup^-1.5). Section 5.3, Eq. 3."""

    @user_facing
    def __init__(self, cfg: DictConfig, optimizer: Any) -> None:
        super().__init__(cfg, optimizer)
        values = governed.resolve(cfg, "lr_scheduler")
        self.width = _width(cfg)
        self.warmup_updates = int(values["warmup_updates"])
        self.factor = float(values["lr_factor"])
        if self.warmup_updates < 0:
            raise ConfigError(f"warmup_updates={self.warmup_updates} must be at least 0")
        dialect = governed.dialect_of(cfg)
        governed.store(cfg, "lr_scheduler", {**values, "schedule_width": self.width, "convention": dialect})
        warn_about_adam(optimizer.cfg, dialect)
        self.step_update(0)

    def step(self, epoch: int, val_loss: float | None = None) -> float:
        """Remember the best validation loss; an epoch's end does not change the rate."""
        super().step(epoch, val_loss)
        return float(self.optimizer.get_lr())

    def step_update(self, num_updates: int) -> float:
        """Set the rate that update num_updates + 1 will use, and return it."""
        self.lr = noam_rate(num_updates + 1, self.width, self.warmup_updates, self.factor)
        self.optimizer.set_lr(self.lr)
        return self.lr


def _width(cfg: DictConfig) -> int:
    """d_model of Eq. 3: the option's, else the model's.

    Raises:
        ConfigError: neither is there; 512 is never assumed in silence.
    """
    if cfg.schedule_width is not None:
        return int(cfg.schedule_width)
    model = governed.section_of(governed.root_of(cfg), "model")
    if model is not None and model.get("d_model") is not None:
        return int(model.d_model)
    raise ConfigError(
        "aat_noam needs the model's width and this model has no d_model; "
        "give --schedule-width N (Hydra: lr_scheduler.schedule_width=N)"
    )


def warn_about_adam(optimizer: object, dialect: str) -> None:
    """Say where Adam's constants, which the plugin cannot set from flags, are not the convention's (Section 5.3).

    Args:
        optimizer: the optimizer's section; another optimizer's has no such constants.
        dialect: the convention.
    """
    for name in ("adam_betas", "adam_eps"):
        given = optimizer.get(name) if isinstance(optimizer, DictConfig) else None
        if given is None:
            continue
        wanted = conventions.value(name, dialect)
        used = tuple(given) if not isinstance(given, str | float | int) else ast.literal_eval(str(given))
        if used != ast.literal_eval(str(wanted)):
            flag = "--" + name.replace("_", "-")
            logger.warning(f"{flag} is {given}, but convention={dialect} has {wanted}; give {flag} '{wanted}'")
