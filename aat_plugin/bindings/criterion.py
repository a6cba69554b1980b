"""`aat_label_smoothing`: Section 5.4's loss in fairseq's units (bits), computed inside our model's forward.

A stock model's log-probabilities go through the same formula, so systems are compared under one loss.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Optional

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from omegaconf import II, DictConfig
from torch import Tensor

from aat_plugin.bindings import governed
from aat_plugin.bindings.boundary import user_facing
from aat_plugin.bindings.flags import governed_flag, switch, truth
from aat_plugin.training.fused_loss import FusedCrossEntropy
from aat_plugin.training.label_smoothing import LossSums, SmoothedCrossEntropy


@dataclass
class AatLabelSmoothingConfig(FairseqDataclass):
    """The criterion's options."""

    label_smoothing: float = field(default=0.1, metadata={"help": "ε_ls (Section 5.4); 0 for plain cross entropy"})
    smoothing_mass: Optional[str] = governed_flag("all: ε/V | others: ε/(V-1) | others_but_pad: ε/(V-2)")
    report_accuracy: bool = field(default=False, metadata={"help": "report how often the likeliest token is right"})
    ignore_prefix_size: int = field(default=0, metadata={"help": "leave the first N target tokens out of the loss"})
    fused_loss: Optional[str] = switch("project to the vocabulary in chunks, with less memory and time (default true)")
    convention: Optional[str] = governed_flag("paper | t2t_release | t2t_head | fairseq")
    sentence_avg: bool = II("optimization.sentence_avg")


@register_criterion("aat_label_smoothing", dataclass=AatLabelSmoothingConfig)
class AatLabelSmoothingCriterion(FairseqCriterion):
    """Label-smoothed cross entropy, summed over target tokens. Section 5.4."""

    def __init__(self, task: Any, loss: SmoothedCrossEntropy, sentence_avg: bool) -> None:
        super().__init__(task)
        self.loss = loss
        self.sentence_avg = sentence_avg

    @classmethod
    @user_facing
    def build_criterion(cls, cfg: DictConfig, task: Any) -> "AatLabelSmoothingCriterion":
        """Build from the criterion's section, and store what was resolved.

        Raises:
            ConfigError: names the option that cannot work.
        """
        values = governed.resolve(cfg, "criterion")
        rule = FusedCrossEntropy if truth("fused_loss", cfg.fused_loss, default=True) else SmoothedCrossEntropy
        loss = rule(
            epsilon=cfg.label_smoothing,
            smoothing_mass=str(values["smoothing_mass"]),
            padding_idx=task.target_dictionary.pad(),
            ignore_prefix_size=cfg.ignore_prefix_size,
            report_accuracy=cfg.report_accuracy,
        )
        governed.store(cfg, "criterion", {**values, "convention": governed.dialect_of(cfg)})
        return cls(task, loss, cfg.sentence_avg)

    def forward(self, model: Any, sample: dict[str, Any], reduce: bool = True) -> tuple[Tensor, Any, dict[str, Any]]:
        """The loss of a batch in nats.

        Returns:
            The loss, summed; or (batch, tgt_len) with reduce=False.
            The gradient's denominator: target tokens, or sentences under sentence_avg.
            What `reduce_metrics` adds up.
        """
        sums = self._sums(model, sample, reduce)
        sample_size = sample["target"].size(0) if self.sentence_avg else sample["ntokens"]
        logging_output = {
            "loss": sums.loss.detach(),
            "nll_loss": sums.nll.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["target"].size(0),
            "sample_size": sample_size,
        }
        if sums.num_correct is not None:
            logging_output["n_correct"] = sums.num_correct
            logging_output["total"] = sums.num_tokens
        return sums.loss, sample_size, logging_output

    def _sums(self, model: Any, sample: dict[str, Any], reduce: bool) -> LossSums:
        if reduce and getattr(model, "computes_loss", False):  # a stock model has no such attribute
            sums: LossSums = model(**sample["net_input"], target=sample["target"], loss=self.loss)
            return sums
        net_output = model(**sample["net_input"])
        log_probs = model.get_normalized_probs(net_output, log_probs=True)
        return self.loss.from_logits(log_probs, model.get_targets(sample, net_output), reduce)

    @classmethod
    def reduce_metrics(cls, logging_outputs: list[dict[str, Any]]) -> None:
        """Log loss and nll a token in bits, perplexity 2^nll, and accuracy in percent where it was counted."""

        def total(key: str) -> Any:
            return sum(log.get(key, 0) for log in logging_outputs)

        sample_size, ntokens = total("sample_size"), total("ntokens")
        metrics.log_scalar("loss", total("loss") / sample_size / math.log(2), sample_size, round=3)
        metrics.log_scalar("nll_loss", total("nll_loss") / ntokens / math.log(2), ntokens, round=3)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["nll_loss"].avg))
        if any("total" in log for log in logging_outputs):
            metrics.log_scalar("total", utils.item(total("total")))
            metrics.log_scalar("n_correct", utils.item(total("n_correct")))
            metrics.log_derived("accuracy", _accuracy)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Sums of tensors and numbers only: workers add them up without pickling."""
        return True


def _accuracy(meters: Any) -> float:
    """Correct tokens in percent of all."""
    if meters["total"].sum == 0:
        return float("nan")
    return round(float(torch.as_tensor(meters["n_correct"].sum * 100.0 / meters["total"].sum)), 3)
