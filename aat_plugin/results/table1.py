"""Table 1, measured: operations, memory, time, sequential steps and path lengths of each kind of layer. Section 4.

Operations are counted by torch while the layer runs and are exact; memory is what a forward pass keeps for the backward
one, exact too; times are processor seconds of this machine. Exponents are fitted where n ≥ 8 d, so that the term that
Table 1 names is the largest. Read `layer_kinds` first, `report_page` next.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from aat_plugin.errors import ConfigError
from aat_plugin.results.layer_kinds import KINDS, Kind
from aat_plugin.results.path_length import longest_path

SEED = 20171206


@dataclass(frozen=True)
class Settings:
    """What is measured; the defaults take a minute on one core.

    Attributes:
        lengths: n, for operations, memory and time at the largest width.
        widths: d, at the shortest length, which is at least 8 times the largest of them.
        depths: n, for sequential steps.
        paths: n, for path lengths.
        kernel, neighbourhood: k and r.
        repeats: of each timing; the median counts.
    """

    lengths: Sequence[int] = (512, 1024, 2048, 4096)
    widths: Sequence[int] = (16, 32, 64)
    depths: Sequence[int] = (8, 16, 32, 64)
    paths: Sequence[int] = (16, 32, 64, 128)
    kernel: int = 3
    neighbourhood: int = 9
    repeats: int = 3


def settings_of(
    lengths: Sequence[int] | None, widths: Sequence[int] | None, kernel: int, neighbourhood: int
) -> Settings:
    """Settings with other sizes.

    Raises:
        ConfigError: sizes at which nothing can be fitted.
    """
    given: dict[str, Any] = {"lengths": sorted(set(lengths or ())), "widths": sorted(set(widths or ()))}
    found = Settings(kernel=kernel, neighbourhood=neighbourhood, **{name: one for name, one in given.items() if one})
    for name, values in (("length", found.lengths), ("width", found.widths)):
        if len(values) < 2 or min(values) < 1:
            raise ConfigError(f"--{name} {', '.join(map(str, values))}: an exponent needs two different ones, above 0")
    if any(d % 4 for d in found.widths):
        raise ConfigError(f"--width {', '.join(map(str, found.widths))}: each must be a multiple of 4, the heads")
    if min(found.lengths) < 8 * max(found.widths):
        raise ConfigError(f"--length {min(found.lengths)} is below 8 × {max(found.widths)}: there n² · d is not yet "
                          "the largest term; give longer ones or smaller widths")
    return found


def measure(settings: Settings, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Every row, as data for JSON.

    Args:
        settings: what to measure.
        say: hears the name of each kind before it is measured.

    Returns:
        `settings` and `rows`; a row has the claimed exponents, and what was measured by n (or d) as text keys.
    """
    rows = []
    for kind in KINDS:
        say(kind.claim.name)
        torch.manual_seed(SEED)
        rows.append(_row(kind, settings))
    return {"settings": {name: value if isinstance(value, int) else list(value)
                         for name, value in asdict(settings).items()}, "rows": rows}  # fmt: skip


def _row(kind: Kind, settings: Settings) -> dict[str, Any]:
    k, r, width = settings.kernel, settings.neighbourhood, max(settings.widths)
    at_lengths = {n: _once(kind.build(width, k, r), n, width) for n in settings.lengths}
    shortest = min(settings.lengths)
    at_widths = {d: _once(kind.build(d, k, r), shortest, d) for d in settings.widths}
    seconds = {n: timed(kind.build(width, k, r), n, width, settings.repeats) for n in settings.lengths}
    depths = {n: depth(kind.build(8, k, r), n, 8) for n in settings.depths}
    paths = {n: longest_path(kind, n, k, r) for n in settings.paths}
    operations = {n: one[0] for n, one in at_lengths.items()}
    kept = {n: one[1] for n, one in at_lengths.items()}
    by_width = {d: one[0] for d, one in at_widths.items()}
    return {
        "name": kind.claim.name, "claimed_exponents": list(kind.claim.exponents),
        "exponents": [exponent(operations), exponent(by_width)],
        "time_exponent": exponent(seconds), "memory_exponent": exponent(kept), "depth_exponent": exponent(depths),
        **{name: _keys(values) for name, values in (
            ("operations", operations), ("operations_by_width", by_width), ("kept_bytes", kept), ("seconds", seconds),
            ("depths", depths), ("paths", paths))},
    }  # fmt: skip


def _keys(values: Mapping[int, float]) -> dict[str, float]:
    return {str(key): value for key, value in values.items()}


def exponent(values: Mapping[int, float]) -> float:
    """The slope of log(value) against log(key), by least squares."""
    keys, logs = [math.log(key) for key in values], [math.log(value) for value in values.values()]
    return round(statistics.linear_regression(keys, logs).slope, 3)


def _once(layer: nn.Module, n: int, d: int) -> tuple[int, int]:
    """Operations of a forward pass, and bytes that it keeps for the backward one."""
    x = torch.randn(1, n, d, requires_grad=True)
    kept: dict[int, int] = {}
    parameters = {parameter.untyped_storage().data_ptr() for parameter in layer.parameters()}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor.detach())  # so that no other tensor takes its place in memory
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(x)
    return counter.get_total_flops(), sum(kept.values())


def timed(layer: nn.Module, n: int, d: int, repeats: int) -> float:
    """Processor seconds of a forward and a backward pass over one sentence; the median after one unmeasured pass."""
    x = torch.randn(1, n, d, requires_grad=True)
    found = []
    for _ in range(repeats + 1):
        started = time.process_time()
        torch.autograd.grad(layer(x).sum(), x)
        found.append(time.process_time() - started)
    return statistics.median(found[1:])


def depth(layer: nn.Module, n: int, d: int) -> int:
    """The longest chain of operations, each of which waits for the one before: of the autograd graph of one pass."""
    root: Any = layer(torch.randn(1, n, d, requires_grad=True)).grad_fn
    lengths: dict[Any, int] = {}
    stack: list[Any] = [root]
    while stack:
        node = stack[-1]
        before = [one for one, _ in node.next_functions if one is not None]
        waiting = [one for one in before if one not in lengths]
        if waiting:
            stack += waiting
        else:
            lengths[node] = 1 + max((lengths[one] for one in before), default=0)
            stack.pop()
    return lengths[root]
