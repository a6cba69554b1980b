"""An optimizer's state in another order of parameters: Adam's moments travel with their weights. Section 5.3.

torch numbers parameters in the order in which the model holds them, and stock's is another than ours. fairseq's
half-precision optimizers hold one long float32 vector of all parameters instead. Both are mapped here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Shapes = Mapping[str, tuple[int, ...]]


class CannotMapError(Exception):
    """The state is not understood; the text says why. The caller goes on without it and says so."""


def reordered(state: Mapping[str, Any], shapes: Shapes, old: Sequence[str], new: Sequence[str]) -> dict[str, Any]:
    """The same state for the same parameters in another order.

    Args:
        state: what the optimizer's state_dict() was: "state", "param_groups" and, in half precision, "loss_scale".
        shapes: name → shape.
        old: the names in the order of `state`, and
        new: in the order that is wanted; the same names.

    Raises:
        CannotMapError: several groups of parameters, or a state of another size than the parameters'.
    """
    if sorted(old) != sorted(new):
        raise CannotMapError("it was kept for other parameters")
    groups, kept = state.get("param_groups"), state.get("state")
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(kept, dict):
        raise CannotMapError("it has more than one group of parameters, or none")
    moments = [kept[key] for key in sorted(kept)]
    if not all(isinstance(one, dict) for one in moments):
        raise CannotMapError("it does not hold a state for each parameter")
    if len(moments) == len(old):
        mapped = _each(moments, shapes, old, new)
    elif len(moments) == 1:
        mapped = [_flat(moments[0], shapes, old, new)]
    else:
        raise CannotMapError(f"it holds {len(moments)} parameters and the model has {len(old)}")
    group = {**groups[0], "params": list(range(len(mapped)))}
    return {**state, "state": dict(enumerate(mapped)), "param_groups": [group]}


def _each(
    moments: list[dict[str, Any]], shapes: Shapes, old: Sequence[str], new: Sequence[str]
) -> list[dict[str, Any]]:
    by_name = dict(zip(old, moments, strict=True))
    for name, entries in by_name.items():
        for value in entries.values():
            if isinstance(value, Tensor) and value.dim() and tuple(value.shape) != shapes[name]:
                raise CannotMapError(f"its shape {tuple(value.shape)} for {name} is not the weight's")
    return [by_name[name] for name in new]


def _flat(entries: dict[str, Any], shapes: Shapes, old: Sequence[str], new: Sequence[str]) -> dict[str, Any]:
    """One long vector a moment, cut at the parameters' bounds and put together again."""
    sizes = [math.prod(shapes[name]) for name in old]
    mapped: dict[str, Any] = {}
    for key, value in entries.items():
        if not isinstance(value, Tensor) or not value.dim():
            mapped[key] = value
        elif tuple(value.shape) == (sum(sizes),):
            pieces = dict(zip(old, torch.split(value, sizes), strict=True))
            mapped[key] = torch.cat([pieces[name] for name in new])
        else:
            raise CannotMapError(f"its {key} has {tuple(value.shape)} numbers and the model {sum(sizes)}")
    return mapped
