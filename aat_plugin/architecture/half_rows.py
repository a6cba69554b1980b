"""Rows that stay bfloat16 between a layer's products, under autocast.

torch's autocast widens after each norm and rounds again before each product, and casts a joined weight anew. Here a
weight is rounded once a forward, products read and write bfloat16, and their gradients are written out; sums inside
products and norms, and the parameters' gradients, stay float32, as they are under fairseq's own --bf16 on GPUs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DEVICES = ("cpu", "cuda")
TURNED = 512
"""Columns from which turning a matrix by itself pays."""


def half_type(device: torch.device) -> torch.dtype | None:
    """bfloat16 where autocast asks for it on the device, else None."""
    if device.type not in DEVICES or not torch.is_autocast_enabled(device.type):
        return None
    dtype = torch.get_autocast_dtype(device.type)
    return dtype if dtype is torch.bfloat16 else None


class Rounded:
    """Joined weights of many products in bfloat16, rounded by one call: a launch for each is what a GPU waits for.

    Args:
        groups: what each product joins, all of them float32.
    """

    def __init__(self, groups: Sequence[Sequence[nn.Linear]]) -> None:
        self._held: dict[int, tuple[Tensor, Tensor | None]] = {}
        exact: list[Tensor] = []
        rough: list[Tensor] = []
        for parts in groups:
            weights: list[Tensor] = [part.weight for part in parts]
            biases: list[Tensor] = [part.bias for part in parts if part.bias is not None]
            joined = [_room(one, torch.bfloat16) if one else None for one in (weights, biases)]
            for tensors, whole in zip((weights, biases), joined, strict=True):
                if whole is not None:
                    exact += tensors
                    rough += _under(whole, [one.size(0) for one in tensors])
            assert joined[0] is not None
            self._held[id(parts[0])] = joined[0], joined[1]
        with torch.no_grad():
            torch._foreach_copy_(rough, exact)

    def of(self, parts: Sequence[nn.Linear]) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of one of the groups."""
        return self._held[id(parts[0])]


def project(
    x: Tensor, parts: Sequence[nn.Linear], *, rectified: bool = False, rounded: Rounded | None = None
) -> Tensor:
    """Several projections of x as one product, side by side.

    Args:
        x: (rows, d_in); where it is bfloat16, so is the result.
        parts: their weights (d_out, d_in) and biases, all with or all without.
        rectified: max(0, ·) of the result.
        rounded: where their bfloat16 copies are, if they were made.

    Returns:
        (rows, the sum of d_out).
    """
    weights: list[Tensor] = [part.weight for part in parts]
    biases: list[Tensor] = [part.bias for part in parts if part.bias is not None]
    if x.dtype is not torch.bfloat16 or weights[0].dtype is torch.bfloat16:
        weight, bias = (one[0] if len(one) == 1 else torch.cat(one) if one else None for one in (weights, biases))
        assert weight is not None
        out = F.linear(x, weight, bias)
        return F.relu(out, inplace=True) if rectified else out  # no product's gradient needs its own result
    held = None if rounded is None else rounded.of(parts)
    projected: Tensor = _Project.apply(x, rectified, len(weights), held, *weights, *biases)  # type: ignore[no-untyped-call]
    return projected


class _Project(torch.autograd.Function):
    """(rows, d_in) in bfloat16, float32 weights and biases → (rows, d_out) in bfloat16."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, rectified: bool, parts: int, held: tuple[Tensor, Tensor | None] | None, *parameters: Tensor
    ) -> Tensor:
        if held is None:
            weight = _joined(parameters[:parts], x.dtype)
            bias = _joined(parameters[parts:], x.dtype) if len(parameters) > parts else None
        else:
            weight, bias = held
        with torch.autocast(x.device.type, enabled=False):
            out = _product(x, weight, bias, rectified)
        ctx.save_for_backward(x, weight, out if rectified else None)
        ctx.shapes = [one.shape for one in parameters]
        return out

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, out = ctx.saved_tensors
        gradient = outputs[0] if out is None else torch.ops.aten.threshold_backward(outputs[0], out, 0)
        of_x = gradient @ weight if ctx.needs_input_grad[0] else None
        sizes = [shape[0] for shape in ctx.shapes if len(shape) == 2]
        found = _parts(_of_weight(gradient, x), sizes)
        if len(ctx.shapes) > len(sizes):
            found += _parts(gradient.sum(0), sizes)
        return of_x, None, None, None, *found


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, rectified: bool) -> Tensor:
    """x Wᵀ + b, or max(0, ·) of it, which a GPU takes inside the product."""
    if bias is None:
        out = x @ weight.t()
    elif rectified and x.device.type == "cuda":
        return torch._addmm_activation(bias, x, weight.t())
    else:
        out = torch.addmm(bias, x, weight.t())
    return out.relu_() if rectified else out


def _of_weight(gradient: Tensor, x: Tensor) -> Tensor:
    """gradientᵀ x, (d_out, d_in); on a processor the narrower of unlike and wide ones is turned first, a fifth quicker
    as measured."""
    narrow = min(gradient.size(1), x.size(1))
    if gradient.device.type != "cpu" or narrow < TURNED or gradient.size(1) == x.size(1):
        return gradient.t() @ x
    if gradient.size(1) == narrow:
        return gradient.t().contiguous() @ x
    return (x.t().contiguous() @ gradient).t()


def _parts(gradient: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """What lay one under the other, in float32."""
    laid_out = torch.contiguous_format
    return [part.to(torch.float32, memory_format=laid_out) for part in _under(gradient, sizes)]


def _under(whole: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    return [whole.narrow(0, sum(sizes[:number]), size) for number, size in enumerate(sizes)]


def _joined(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """One under the other, in another type, without a copy in their own."""
    whole = _room(tensors, dtype)
    sizes = [one.size(0) for one in tensors]
    torch._foreach_copy_(_under(whole, sizes), list(tensors))
    return whole


def _room(tensors: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """For them all, one under the other."""
    return tensors[0].new_empty((sum(one.size(0) for one in tensors), *tensors[0].shape[1:]), dtype=dtype)
