"""Section 5 compared: Adam's constants, the learning rate and where it is after a resume, dropout, label smoothing.

The paper's numbers stand here as numbers. Read `section_6` next.
"""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aat_plugin import conventions
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.transformer import Transformer
from aat_plugin.conformance import reference
from aat_plugin.conformance.comparisons import compares, largest
from aat_plugin.conformance.section_3 import PAD, padded, sentence, small
from aat_plugin.training.fused_loss import FusedCrossEntropy
from aat_plugin.training.label_smoothing import LossSums, SmoothedCrossEntropy
from aat_plugin.training.lr_schedule import noam_rate

PRINTED_RATES = {1: 1.7469281e-07, 100: 1.7469281e-05, 4000: 6.9877124e-04, 4001: 6.9868391e-04, 8000: 4.9410588e-04,
                 100_000: 1.3975425e-04}  # fmt: skip
"""Eq. 3 at d_model = 512 and 4000 warm-up steps, to eight digits."""


def papers_rate(step: int, d_model: int) -> float:
    """The package's rate under convention=paper."""
    warmup, factor = conventions.value("warmup_updates"), conventions.value("lr_factor")
    return noam_rate(step, d_model, int(warmup), float(factor))


@compares("5.3", "Adam's β1, β2, ε", "0.9, 0.98 and 1e-9")
def adam() -> float:
    betas = ast.literal_eval(str(conventions.value("adam_betas")))
    return largest([(betas, (0.9, 0.98)), (conventions.value("adam_eps"), 1e-9)])


@compares("5.3", "Eq. 3: the learning rate",
          "steps 1, 100, 4000, 4001, 8000, 100000 as evaluated beforehand; relative", 1e-7)  # fmt: skip
def printed_rates() -> float:
    return largest((papers_rate(step, 512) / expected, 1.0) for step, expected in PRINTED_RATES.items())


@compares("5.3", "Eq. 3: the learning rate", "the formula at widths 256, 512 and 1024 and 60 steps; relative", 1e-12)
def rates() -> float:
    steps = [int(1.2**power) for power in range(60)]
    return largest((papers_rate(step, width) / reference.rate(step, width, 4000), 1.0)
                   for width in (256, 512, 1024) for step in steps)  # fmt: skip


@compares("5.3", "Eq. 3 across a resume", "fairseq stopped before and behind the peak; relative", 1e-12)
def resumed_rates() -> float:
    from aat_plugin.bindings import probes

    pairs = []
    for updates, stop in ((30, 7), (4020, 4010)):
        used = probes.rates(512, updates, stop)
        pairs += [(rate / reference.rate(step, 512, 4000), 1.0) for step, rate in enumerate(used, start=1)]
    return largest(pairs)


class _Dropouts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the elements' draws: what is dropped, and with which probability."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[float] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket is torch.ops.aten.native_dropout:
            self.seen.append(args[1])
        elif func.overloadpacket is torch.ops.aten.bernoulli_:
            self.seen.append(1.0 - args[1])
        return func(*args, **(kwargs or {}))


@compares("5.4", "dropout on sub-layers and embedding sums",
          "2 sums and 5N sub-layers draw, P_drop = 0.1; no other", 1e-12)  # fmt: skip
def dropout() -> float:
    base = TransformerConfig(30, 30)
    model = Transformer(small(dropout=base.dropout)).train()
    with _Dropouts() as dropouts:
        model(padded([sentence(5)]), None, padded([sentence(4)]))
    expected = [0.1] * (2 + 5 * 2)
    return largest([(len(dropouts.seen), len(expected)), *zip(dropouts.seen, expected, strict=False)])


@compares("5.4", "label smoothing",
          "ε/V, ε/(V-1) and ε/(V-2) as distributions, of which the paper's is the first", 1e-10)  # fmt: skip
def smoothing() -> float:
    logits, target = torch.randn(2, 4, 9, dtype=torch.float64), torch.randint(2, 9, (2, 4))
    target[1, 3] = PAD
    pairs: list[tuple[object, object]] = []
    papers = SmoothedCrossEntropy(smoothing_mass=str(conventions.value("smoothing_mass")))
    others = {mass: SmoothedCrossEntropy(0.3, mass) for mass in ("others", "others_but_pad")}
    for mass, loss in {"all": papers, **others}.items():
        epsilon = 0.1 if loss is papers else 0.3
        expected = sum(
            reference.cross_entropy(reference.smoothed_distribution(y, 9, epsilon, mass, PAD), scores.numpy())
            for row, targets in zip(logits, target.tolist(), strict=True)
            for scores, y in zip(row, targets, strict=True)
            if y != PAD
        )
        pairs.append((loss.from_logits(logits, target).loss, expected))
    return largest(pairs)


@compares("5.4", "label smoothing", "fused with the projection in chunks of 3: the loss and its gradients", 1e-10)
def fused_smoothing() -> float:
    features = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(9, 6, dtype=torch.float64, requires_grad=True)
    target = torch.randint(2, 9, (2, 4))
    target[0, 2:] = PAD
    loss = FusedCrossEntropy(0.1, "all", padding_idx=PAD, chunk=3)(features, matrix, target).loss
    loss.backward()  # type: ignore[no-untyped-call]
    rows, weight = features.detach().numpy(), matrix.detach().numpy()
    total, by_row, by_weight = 0.0, np.zeros_like(rows), np.zeros_like(weight)
    for i, j in zip(*np.nonzero(target.ne(PAD).numpy()), strict=True):
        q, logits = reference.smoothed_distribution(int(target[i, j]), 9, 0.1, "all", PAD), rows[i, j] @ weight.T
        total += reference.cross_entropy(q, logits)
        by_row[i, j] = (reference.softmax(logits) - q) @ weight
        by_weight += np.outer(reference.softmax(logits) - q, rows[i, j])
    return largest([(loss, total), (features.grad, by_row), (matrix.grad, by_weight)])


def _sums(epsilon: float, mass: str, pad: int, rows: list[list[float]], target: list[list[int]]) -> LossSums:
    logits = torch.tensor(rows, dtype=torch.float64).log().expand(len(target), -1, -1)
    return SmoothedCrossEntropy(epsilon, mass, padding_idx=pad).from_logits(logits, torch.tensor(target))


@compares("5.4", "label smoothing",
          "losses of two published tests' inputs (5 and 7 types), evaluated beforehand", 1e-6)  # fmt: skip
def printed_losses() -> float:
    five = [[0.1, 0.1, 0.6, 0.1, 0.1]] * 2
    seven = [[0.05, 0.05, 0.1, 0.05, 0.3, 0.4, 0.05], [0.05, 0.10, 0.2, 0.05, 0.2, 0.3, 0.10],
             [0.05, 0.15, 0.3, 0.05, 0.1, 0.2, 0.15]]  # fmt: skip
    pairs: list[tuple[object, object]] = []
    for mass, loss in (("all", 6.486866), ("others", 6.701877), ("others_but_pad", 6.582426)):
        pairs.append((_sums(0.4, mass, 0, five, [[2, 1], [2, 0], [1, 0]]).loss, loss))
    for mass, loss in (("all", 7.2584608), ("others", 7.3297386)):
        found = _sums(0.1, mass, 1, seven, [[4, 2, 1], [4, 4, 2]])
        pairs += [(found.loss, loss), (found.nll, 6.8307942)]
    # Without smoothing: -(3 ln 0.3 + 2 ln 0.2).
    return largest([*pairs, (_sums(0.0, "all", 1, seven, [[4, 2, 1], [4, 4, 2]]).loss,
                             -3 * math.log(0.3) - 2 * math.log(0.2))])  # fmt: skip
