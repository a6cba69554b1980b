"""What a training of one's own cost, in Table 2's two ways. Section 6.1.

By the model: the operations that its sizes and its tokens ask for. By the machine: time × devices × the sustained rate
of a device. Sizes, tokens and time come from the run's checkpoint (`bindings.trained`); the rate is measured where the
run is recorded, or named. Read `table2` first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aat_plugin.errors import choose
from aat_plugin.results.gpus import GPUS
from aat_plugin.results.table2 import SUSTAINED, capacity

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from aat_plugin.bindings.trained import Trained

LAST = "checkpoint_last.pt"
SIZE = 1024
"""Rows of the square matrices whose products are timed."""
WINDOWS = 5


@dataclass(frozen=True)
class Cost:
    """Both ways of counting; None is what is not known.

    Attributes:
        updates: done.
        target_tokens, source_tokens: seen in all updates, padding left out.
        known_by: where the source's number and the sentences' length come from.
        model_operations: forward and backward, counted from the config.
        seconds: from start to end, validation and saving included.
        devices: how many.
        device: what kind.
        rate: operations a second that one sustains.
        rate_from: where the rate comes from, in words.
    """

    updates: int
    target_tokens: float
    source_tokens: float
    known_by: str
    model_operations: float | None
    seconds: float
    devices: int
    device: str
    rate: float | None
    rate_from: str

    @property
    def machine_operations(self) -> float | None:
        """The paper's cost: time × devices × sustained rate."""
        return None if self.rate is None else capacity(self.seconds, self.devices, self.rate)

    @property
    def utilisation(self) -> float | None:
        """The share of what the devices could have computed that the model asked for."""
        could, asked = self.machine_operations, self.model_operations
        return None if could is None or asked is None else asked / could

    def to_json(self) -> dict[str, Any]:
        """For a run's results."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Cost:
        """What `to_json` made."""
        return cls(**found)


def last_checkpoint(folder: Path) -> Path | None:
    """What training wrote last below a run's folder, or beside it; None where there is none."""
    beside = folder.absolute().parent / LAST
    below = sorted(folder.rglob(LAST)) if folder.is_dir() else []
    return next((file for file in (*below, beside) if file.is_file()), None)


def cost_of(checkpoint: Path, device: str | None, threads: int) -> Cost:
    """The cost of the training that wrote a checkpoint.

    Args:
        checkpoint: such as checkpoint_last.pt.
        device: a GPU's name, whose published rate counts; None to measure the rate on this machine.
        threads: of the training, where it ran on a processor.

    Raises:
        CheckpointError: the checkpoint does not say what is needed.
        ConfigError: an unknown device.
    """
    from aat_plugin.bindings.trained import read_trained

    logging.getLogger("fairseq").setLevel(logging.WARNING)  # how large the data are is no news here
    trained = read_trained(checkpoint)
    name, rate, source = _published(device, trained.precision) if device else _measured(trained, threads)
    asked, known_by = _asked(checkpoint, trained)
    return Cost(trained.updates, trained.target_tokens, trained.source_tokens, known_by, asked, trained.seconds,
                trained.devices, name, rate, source)  # fmt: skip


def _asked(checkpoint: Path, trained: Trained) -> tuple[float | None, str]:
    """Operations of all updates, and by which lengths they were counted."""
    from aat_plugin.architecture.cost import operations
    from aat_plugin.bindings.flops import LENGTH, training_flops

    if trained.config is None:
        each = training_flops(checkpoint)
        assumed = f"{LENGTH} tokens a sentence, on both sides: assumed"
        return None if each is None else each * trained.target_tokens, assumed
    # Operations are proportional to tokens, so all updates are counted as one.
    tokens = round(trained.source_tokens), round(trained.target_tokens)
    found = operations(trained.config, *tokens, trained.mean_length)
    return found.update, trained.known_by


def _published(device: str, precision: str) -> tuple[str, float, str]:
    """(name, rate, where from) of a GPU: the paper's sustained rate, else its maker's peak."""
    peaks = {gpu.name: gpu for gpu in GPUS}
    name = choose("device", device, [*SUSTAINED, *(name for name in peaks if name not in SUSTAINED)])
    if name in SUSTAINED and precision == "float32":
        return name, SUSTAINED[name], "the paper's sustained rate"
    if name not in peaks:
        return name, SUSTAINED[name], "the paper's sustained rate, of float32"
    return name, peaks[name].peak(precision), f"its maker's peak in {precision}, not sustained"


def _measured(trained: Trained, threads: int) -> tuple[str, float | None, str]:
    """(name, rate, where from) of this machine's device of the kind that the run had."""
    import torch

    from aat_plugin.results.provenance import processor

    half = torch.float16 if trained.precision in ("fp16", "amp") else torch.bfloat16
    number = torch.float32 if trained.precision == "float32" else half
    what = f"measured here on products of {SIZE} × {SIZE} in {str(number).removeprefix('torch.')}"
    if trained.on_cpu:
        return processor(), sustained_rate("cpu", number, threads), f"{what}, {threads} threads"
    if torch.cuda.is_available():
        return torch.cuda.get_device_name(), sustained_rate("cuda", number, threads), what
    return "GPU", None, "unknown: no GPU here to measure; name it with --device"


def sustained_rate(device: str, number: torch.dtype, threads: int, seconds: float = 0.5) -> float:
    """Operations a second of matrix products, the best of a few windows.

    A processor's seconds are those that it spent on them, so that other work on the machine does not count.

    Args:
        device: cpu or cuda.
        number: torch's type of the matrices.
        threads: on a processor.
        seconds: how long to measure.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        left, right = (torch.randn(SIZE, SIZE, device=device).to(number) for _ in range(2))
        _ready(left @ right)
        clock = time.perf_counter if left.is_cuda else lambda: time.process_time() / threads
        return max(_rate(left, right, clock, seconds / WINDOWS) for _ in range(WINDOWS))
    finally:
        torch.set_num_threads(before)


def _rate(left: Tensor, right: Tensor, clock: Callable[[], float], seconds: float) -> float:
    started, done = clock(), 0
    while clock() - started < seconds:
        _ready(left @ right)
        done += 1
    return 2.0 * SIZE**3 * done / (clock() - started)


def _ready(product: Tensor) -> None:
    """Wait until a GPU has computed it."""
    import torch

    if product.is_cuda:
        torch.cuda.synchronize()
