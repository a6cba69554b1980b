"""Section 6.1: the mean of the last checkpoints' weights, summed in float64, one state dict at a time.

Base models average the last 5 checkpoints, big ones the last 20. tensor2tensor takes the plain mean of every variable,
and so do we. Only state dicts are known here; `bindings.averaging` chooses, reads and writes the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aat_plugin.errors import CheckpointError

SHOWN = 3  # names in a message


@dataclass(frozen=True)
class _Weight:
    """What must be the same in every state dict.

    Attributes:
        owner: the first name with exactly this memory; another name than its own means that the two are tied.
        shape, dtype: as torch prints them.
    """

    owner: str
    shape: tuple[int, ...]
    dtype: torch.dtype


class RunningMean:
    """The mean of any number of state dicts; holds one float64 sum a weight, and nothing of a state dict once added.

    Tied weights (names that share their memory) are summed once and stay tied in the result. What is no
    floating-point tensor (counters, masks, …) is taken from the state dict that was added last.
    """

    def __init__(self) -> None:
        self.count = 0
        self._first = ""
        self._weights: dict[str, _Weight] = {}
        self._sums: dict[str, Tensor] = {}
        self._order: list[str] = []
        self._others: dict[str, Any] = {}

    def add(self, name: str, state: Mapping[str, Any]) -> None:
        """Add one state dict.

        Args:
            name: what to call it in a message, such as its path.
            state: names to tensors of any shape.

        Raises:
            CheckpointError: its names, shapes, dtypes or ties differ from the first one's, or a weight is not a number.
        """
        weights = _weights(state)
        if self.count == 0:
            self._first, self._weights, self._order = name, weights, list(state)
        else:
            self._compare(name, state, weights)
        owners = [key for key, weight in weights.items() if weight.owner == key]
        _check_numbers(name, state, owners)
        for key in owners:
            if self.count == 0:
                self._sums[key] = state[key].to(torch.float64, copy=True)
            else:
                self._sums[key].add_(state[key])
        self._others = {key: _copied(value) for key, value in state.items() if key not in weights}
        self.count += 1

    def mean(self) -> dict[str, Any]:
        """The mean in the stored dtypes, names in the first state dict's order; the sums are given up on the way.

        Raises:
            ValueError: nothing was added.
        """
        if self.count == 0:
            raise ValueError("the mean of no state dicts")
        means: dict[str, Tensor] = {}
        for key in list(self._sums):
            means[key] = self._sums.pop(key).div_(self.count).to(self._weights[key].dtype)
        return {
            key: means[self._weights[key].owner] if key in self._weights else self._others[key] for key in self._order
        }

    def _compare(self, name: str, state: Mapping[str, Any], weights: Mapping[str, _Weight]) -> None:
        """Raise CheckpointError where `state` is of another model than the first."""
        way_out = "average checkpoints of one training run"
        missing = [key for key in self._order if key not in state]
        known = set(self._order)
        extra = [key for key in state if key not in known]
        if missing or extra:
            parts = [f"lacks {_listed(missing)}"] * bool(missing) + [f"has {_listed(extra)} besides"] * bool(extra)
            raise CheckpointError(f"{name} {' and '.join(parts)}, compared with {self._first}; {way_out}")
        for key in self._order:
            first, here = self._weights.get(key), weights.get(key)
            if first != here:
                raise CheckpointError(
                    f"{name} has {key} as {_described(here)}, {self._first} has it as {_described(first)}; {way_out}"
                )


def _weights(state: Mapping[str, Any]) -> dict[str, _Weight]:
    """The floating-point tensors of a state dict, and which of them are one and the same."""
    owners: dict[tuple[object, ...], str] = {}
    weights = {}
    for key, value in state.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            memory: tuple[object, ...] = (value.untyped_storage().data_ptr(), value.storage_offset(), value.dtype)
            # Empty tensors have no memory to share.
            place = (*memory, value.shape, value.stride()) if value.numel() else (key,)
            weights[key] = _Weight(owners.setdefault(place, key), tuple(value.shape), value.dtype)
    return weights


def _check_numbers(name: str, state: Mapping[str, Any], keys: list[str]) -> None:
    """Raise CheckpointError at a weight that is NaN: one would make the whole mean so."""
    for key in keys:
        if torch.isnan(state[key]).any():
            raise CheckpointError(f"{name} has NaN in {key}: its training diverged; leave it out of the average")


def _copied(value: Any) -> Any:
    """A tensor apart from the file that it may be mapped from."""
    return value.clone() if isinstance(value, Tensor) else value


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _described(weight: _Weight | None) -> str:
    if weight is None:
        return "no floating-point weight"
    return f"{str(weight.dtype).removeprefix('torch.')} of shape {weight.shape} in the memory of {weight.owner}"
