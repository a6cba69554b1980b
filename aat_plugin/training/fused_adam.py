"""Adam's step in one pass over each parameter: what fairseq's Adam computes, on the state that it keeps. Section 5.3.

fairseq's own goes through parameters, gradients and both moments about ten times, and makes temporary copies of a
parameter's size. torch has a kernel that reads and writes each number once, but adds ε to √v̂ and not to √v: given
ε / √(1 - β₂ᵗ), it is fairseq's (and tensor2tensor's) rule. The state's form stays fairseq's, so checkpoints travel and
either may go on where the other stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

TYPES = (torch.float32, torch.float64)
DEVICES = ("cpu", "cuda")


def can_step(optimizer: torch.optim.Optimizer) -> bool:
    """Whether `step` may stand for the optimizer's own: dense gradients in their parameters' type."""
    if not hasattr(torch, "_fused_adamw_"):
        return False
    groups = optimizer.param_groups
    if any(group.get("amsgrad") for group in groups):
        return False
    return all(
        one.device.type in DEVICES and one.dtype in TYPES and (one.grad is None or _is_plain(one.grad, one))
        for group in groups
        for one in group["params"]
    )


def _is_plain(gradient: Tensor, parameter: Tensor) -> bool:
    return not gradient.is_sparse and gradient.dtype == parameter.dtype


@torch.no_grad()
def step(optimizer: torch.optim.Optimizer) -> None:
    """m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², θ ← θ - λ·lr·θ - lr·√(1-β₂ᵗ)/(1-β₁ᵗ) · m/(√v + ε).

    Args:
        optimizer: fairseq's Adam; for each parameter with a gradient, its state's `step` (t, a number), `exp_avg` (m)
            and `exp_avg_sq` (v) are made or moved on. λ is the group's `weight_decay`.
    """
    for group in optimizer.param_groups:
        wanted = [one for one in group["params"] if one.grad is not None]
        for parameter in wanted:
            _count(optimizer.state[parameter], parameter)
        for number in {optimizer.state[one]["step"] for one in wanted}:
            same = [one for one in wanted if optimizer.state[one]["step"] == number]
            _update(same, [optimizer.state[one] for one in same], group, int(number))


@torch.no_grad()
def clip(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """The gradients' L2 norm, as fairseq's `clip_grad_norm_` has it, by one call instead of one a parameter.

    Args:
        parameters: those without a gradient are left out; at least one has one.
        max_norm: scale gradients to it where they are above; 0 for never.

    Returns:
        The norm before, ().
    """
    gradients = [one.grad for one in parameters if one.grad is not None]
    norms = torch._foreach_norm(gradients, 2)
    total: Tensor = torch.stack(list(norms)).norm()
    if max_norm > 0:
        torch._foreach_mul_(gradients, (float(max_norm) / (total + 1e-6)).clamp_(max=1))
    return total


def _count(state: dict[str, Any], parameter: Tensor) -> None:
    """One step more, from zero moments where there are none; a checkpoint's may be of another type."""
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
    for name in ("exp_avg", "exp_avg_sq"):
        state[name] = state[name].to(parameter)
    state["step"] += 1


def _update(parameters: list[Tensor], states: list[dict[str, Any]], group: dict[str, Any], number: int) -> None:
    beta1, beta2 = group["betas"]
    gradients = [one.grad for one in parameters if one.grad is not None]
    first, second = ([one[name] for one in states] for name in ("exp_avg", "exp_avg_sq"))
    counts = [torch.full((), float(number), device=parameters[0].device)] * len(parameters)
    torch._fused_adamw_(
        parameters, gradients, first, second, [], counts, amsgrad=False, lr=float(group["lr"]), beta1=beta1,
        beta2=beta2, weight_decay=group["weight_decay"], eps=group["eps"] / math.sqrt(1.0 - beta2**number),
        maximize=False,
    )  # fmt: skip
