"""How much memory a training takes on one device, by part.

What autograd keeps between forward and backward is not written down as a formula, which every change to the model would
make wrong: the model itself runs on tensors without contents, and what it saves is added up. Read `cost` for parameters
and arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import parameters
from aat_plugin.architecture.transformer import Transformer

HALF_WEIGHTS = ("fp16", "bf16_model")
AUTOCAST = ("bf16", "amp")
PRECISIONS = ("float32", *AUTOCAST, *HALF_WEIGHTS)
"""As `precision=` names them: what is in half precision is nothing, the products, or the weights as well."""


@dataclass(frozen=True)
class Memory:
    """Bytes on one device at the worst moment of an update.

    Attributes:
        weights: the parameters.
        gradients: one for each parameter.
        optimizer: Adam's two moments; besides, a float32 copy of weights and gradients where those are half precision.
        activations: what forward keeps for backward.
        logits: rows of the pre-softmax matrix that exist at one time, and what their loss keeps.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.logits


def training_memory(
    config: TransformerConfig,
    shape: tuple[int, int, int],
    *,
    precision: str = "float32",
    logit_rows: int | None = None,
    on_gpu: bool = True,
) -> Memory:
    """Memory of training with Adam, by part.

    Args:
        config: the model.
        shape: (rows, src_len, tgt_len) of the largest pack.
        precision: one of `PRECISIONS`.
        logit_rows: rows of logits at one time under the fused loss; None for all target tokens at once, as stock.
        on_gpu: there dropout keeps a byte for a value and not a number.
    """
    count, width = parameters(config).total, 2 if precision in HALF_WEIGHTS else 4
    rows, source, target = shape
    few = config.padding_idx + 2  # the vocabulary is in none of it
    alike = replace(config, source_vocabulary=few, target_vocabulary=few)
    one, two = (saved_bytes(alike, (number, source, target), precision) for number in (1, 2))
    saved = one + (rows - 1) * (two - one)  # each row keeps as much as the last
    if on_gpu and config.dropout:
        layers, d_model = config.num_layers, config.d_model
        dropped = rows * d_model * (source * (2 * layers + 1) + target * (3 * layers + 1))
        saved -= dropped * (_width(precision) - 1)
    tokens = rows * target
    table = config.target_vocabulary * config.d_model * 4
    if logit_rows is None:
        logits = 3 * tokens * config.target_vocabulary * 4  # logits, their log-softmax, and its gradient
    else:
        logits = 2 * min(logit_rows, tokens) * config.target_vocabulary * _width(precision) + table
    masters = 8 * count if precision in HALF_WEIGHTS else 0
    return Memory(count * width, count * width, 8 * count + masters, saved, logits)


def _width(precision: str) -> int:
    """Bytes of what dropout sees: the output of a matrix product."""
    return 4 if precision == "float32" else 2


@cache
def saved_bytes(config: TransformerConfig, shape: tuple[int, int, int], precision: str = "float32") -> int:
    """What autograd saves in the model's forward pass up to the features, parameters not counted.

    Args:
        config: the model.
        shape: (rows, src_len, tgt_len).
        precision: one of `PRECISIONS`.
    """
    usual = torch.get_default_dtype()
    try:
        if precision in HALF_WEIGHTS:
            torch.set_default_dtype(torch.float16 if precision == "fp16" else torch.bfloat16)
        return _count(config, shape, precision)
    finally:
        torch.set_default_dtype(usual)


def _count(config: TransformerConfig, shape: tuple[int, int, int], precision: str) -> int:
    rows, source, target = shape
    kept: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        alive.append(tensor)  # else a later tensor may get its place
        return tensor

    with FakeTensorMode():
        model = Transformer(config).train()
        own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
        tokens = [torch.full((rows, length), config.padding_idx + 1) for length in (source, target)]
        half = torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision in AUTOCAST)
        with half, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.decoder.decode(tokens[1], model.encoder.encode(tokens[0]))
    return sum(size for storage, size in kept.items() if storage not in own)
