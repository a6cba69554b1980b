"""Matrix products in bfloat16 under fairseq's commands, on processors and on CUDA alike: `--precision bf16`.

In generation our own models' weights are held in bfloat16, or in 8-bit integers (`int8`, on processors): see
`architecture.products`.

fairseq's own --bf16 crashes on a processor and --amp does nothing there. Here the criterion's call runs under torch's
autocast: weights stay in float32 and are rounded once a micro-batch, softmax and norms are computed in float32, and the
optimizer sees float32 gradients (`architecture.half_rows` has the rest). Section 5 says nothing of
precision; float32 is the default.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from aat_plugin.architecture.products import int8_engine
from aat_plugin.errors import ConfigError, choose

PRECISIONS = ("float32", "bf16", "int8")
FEW_ROWS = 32
"""A processor's product of so few rows takes longer to start than to compute, and float32's start is the quickest: with
128 inputs and 384 outputs 4 rows take 9 µs, in bfloat16 22 µs; 64 rows 50 and 32 µs (one core of a Xeon with AMX)."""
logger = logging.getLogger(__name__)


def quick_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 quicker than float32, in hardware.

    Processors with AVX-512's fp16 and without (or with masked) AMX do bfloat16's products in hardware at about half of
    float32's rate: 82 against 145 GFLOP/s a core were measured on a Xeon of that kind (benchmarks/).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # torch before 2.11 does not say
        return False
    found = torch.cpu.get_capabilities()
    slow = found.get("avx512_fp16", False) and not found.get("amx_bf16", False)
    return not slow and any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


class Precision:
    """What a task's `precision` means.

    Args:
        name: one of `PRECISIONS`.

    Raises:
        ConfigError: another name.
    """

    def __init__(self, name: str) -> None:
        self.name = choose("precision", name, PRECISIONS)
        self._usable: dict[torch.device, bool] = {}
        self._said = False

    def on(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context for a forward pass on `device`; float32 where bfloat16 would be emulated, which is said once."""
        wanted = self.name == "bf16" and self._is_usable(device)
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=wanted)

    def over(self, criterion: Any) -> Callable[[Any, dict[str, Any]], Any]:
        """The criterion, called under this precision; the device is that of the sample.

        Raises:
            ConfigError: int8, whose products have no gradient.
        """

        if self.name == "int8":
            raise ConfigError("precision=int8 is for generation; train and validate with float32 or bf16")

        def call(model: Any, sample: dict[str, Any], **options: Any) -> Any:
            with self.on(_device(sample)):
                return criterion(model, sample, **options)

        return call

    def of_weights(self, device: torch.device, rows: int) -> tuple[str, str]:
        """How generation holds the layers' weights on `device`, and the vocabulary's, for so many hypotheses at once.

        As asked for, or float32 (said once) where that is no help. Under int8 a processor that is quick in bfloat16
        holds only the vocabulary's in 8 bits: for the rest its products are as quick without them. Of few hypotheses it
        holds only the vocabulary's in less than float32.
        """
        if self.name == "int8" and (device.type != "cpu" or int8_engine() is None):
            if not self._said:
                logger.warning(f"precision=int8: torch has no int8 products for {device}; float32 is used")
            self._said = True
            return "float32", "float32"
        name = "float32" if self.name == "bf16" and not self._is_usable(device) else self.name
        layers = "bf16" if self.name == "int8" and quick_bf16(device) else name
        return ("float32" if device.type == "cpu" and rows <= FEW_ROWS else layers), name

    def _is_usable(self, device: torch.device) -> bool:
        if device not in self._usable:
            self._usable[device] = quick_bf16(device)
            if not self._usable[device]:
                logger.warning(f"precision=bf16: {device} multiplies bfloat16 no quicker than float32; float32 is used")
        return self._usable[device]


def _device(sample: dict[str, Any]) -> torch.device:
    tokens: Tensor = sample["net_input"]["src_tokens"]
    return tokens.device
