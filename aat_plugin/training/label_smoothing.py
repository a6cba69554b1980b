"""Section 5.4: cross entropy against a smoothed target distribution, in the three forms found in the field.

With V classes and true class y: "all" puts ε/V on every class (Szegedy et al. 2016, which the paper cites), "others"
puts ε/(V-1) on all but y (tensor2tensor, fairseq), "others_but_pad" puts ε/(V-2) on all but y and padding (the
Annotated Transformer). Always 1 - ε, plus its share under "all", stays on y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from aat_plugin.conventions import CHOICES
from aat_plugin.errors import ConfigError, choose


class LossSums(NamedTuple):
    """Sums over the real target tokens, in nats; or one number for each token where nothing is reduced."""

    loss: Tensor
    """Cross entropy against the smoothed distribution: () or (batch, tgt_len)."""
    nll: Tensor
    """Cross entropy against the true class alone, of the same shape."""
    num_correct: Tensor | None
    """How often the largest logit is the true class, (); None unless asked for."""
    num_tokens: Tensor | None
    """Real target tokens, (); None unless accuracy was asked for."""


@dataclass(frozen=True)
class SmoothedCrossEntropy:
    """Label-smoothed cross entropy over features, for `architecture.Transformer.forward`.

    Attributes:
        epsilon: ε_ls, in [0, 1).
        smoothing_mass: "all", "others" or "others_but_pad".
        padding_idx: target positions with this class count nothing.
        ignore_prefix_size: leading target positions that count nothing.
        report_accuracy: also count correct tokens.
    """

    epsilon: float = 0.1
    smoothing_mass: str = "all"
    padding_idx: int = 1
    ignore_prefix_size: int = 0
    report_accuracy: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ConfigError: names the option.
        """
        if not 0.0 <= self.epsilon < 1.0:
            raise ConfigError(f"label_smoothing={self.epsilon} must be in [0, 1)")
        if self.ignore_prefix_size < 0:
            raise ConfigError(f"ignore_prefix_size={self.ignore_prefix_size} must be at least 0")
        choose("smoothing_mass", self.smoothing_mass, CHOICES["smoothing_mass"])

    def __call__(self, features: Tensor, weight: Tensor, target: Tensor) -> LossSums:
        """Project to the vocabulary and sum the loss.

        Args:
            features: (batch, tgt_len, d_model).
            weight: (V, d_model).
            target: (batch, tgt_len).
        """
        features, target = self._without_prefix(features, target)
        return self._sums(F.linear(features, weight), target, reduce=True)

    def from_logits(self, logits: Tensor, target: Tensor, reduce: bool = True) -> LossSums:
        """The same from logits (or log-probabilities) (batch, tgt_len, V); `reduce=False` keeps (batch, tgt_len)."""
        logits, target = self._without_prefix(logits, target)
        return self._sums(logits, target, reduce)

    def _without_prefix(self, scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        skip = self.ignore_prefix_size
        return (scores[:, skip:], target[:, skip:]) if skip else (scores, target)

    def _sums(self, logits: Tensor, target: Tensor, reduce: bool) -> LossSums:
        half = logits.dtype in (torch.float16, torch.bfloat16)
        log_probs = F.log_softmax(logits, dim=-1, dtype=torch.float32 if half else None)
        padded = target.eq(self.padding_idx)
        nll = -log_probs.gather(-1, target.unsqueeze(-1)).squeeze(-1).masked_fill(padded, 0.0)
        everywhere = -log_probs.sum(dim=-1)
        if self.smoothing_mass == "others_but_pad":
            everywhere = everywhere + log_probs[..., self.padding_idx]
        everywhere = everywhere.masked_fill(padded, 0.0)
        if reduce:
            nll, everywhere = nll.sum(), everywhere.sum()
        share = self._share(logits.size(-1))
        on_true = 1.0 - self.epsilon - (0.0 if self.smoothing_mass == "all" else share)
        loss = on_true * nll + share * everywhere
        correct = num_tokens = None
        if self.report_accuracy:
            correct = (log_probs.argmax(dim=-1).eq(target) & ~padded).sum()
            num_tokens = (~padded).sum()
        return LossSums(loss, nll, correct, num_tokens)

    def _share(self, vocabulary: int) -> float:
        """The mass on each class that receives a share of ε."""
        without = {"all": 0, "others": 1, "others_but_pad": 2}[self.smoothing_mass]
        if vocabulary <= without:
            raise ConfigError(f"smoothing_mass={self.smoothing_mass} needs over {without} classes, not {vocabulary}")
        return self.epsilon / (vocabulary - without)
