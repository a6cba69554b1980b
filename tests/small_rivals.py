"""Small rivals of each kind, every parameter random, in float64: what the tests of all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from aat_plugin import rivals
from aat_plugin.rivals import Rival

PAD, EOS, VOCABULARY = 1, 2, 23
COMMON: dict[str, Any] = dict(
    source_vocabulary=VOCABULARY, target_vocabulary=VOCABULARY, embed_dim=8, dropout=0.2, max_source_positions=40,
    max_target_positions=40,
)  # fmt: skip
MAKERS: dict[str, Callable[..., Rival]] = {
    "gru": lambda **more: rivals.gru(rivals.GruConfig(
        **{**COMMON, "hidden_size": 6, "attention_size": 5, "encoder_layers": 2, "decoder_layers": 3, **more})),
    "bytenet": lambda **more: rivals.bytenet(rivals.ByteNetConfig(
        **{**COMMON, "encoder_blocks": 4, "decoder_blocks": 5, "max_dilation": 4, "length_offset": 1.5, **more})),
    "bytenet_mu": lambda **more: rivals.bytenet(rivals.ByteNetConfig(**{
        **COMMON, "encoder_blocks": 3, "decoder_blocks": 3, "block": "multiplicative", "length_ratio": 0.5, **more})),
    "extended_neural_gpu": lambda **more: rivals.extended_neural_gpu(rivals.ExtendedNeuralGpuConfig(
        **{**COMMON, "memory_width": 3, **more})),
    "extended_neural_gpu_narrow": lambda **more: rivals.extended_neural_gpu(rivals.ExtendedNeuralGpuConfig(
        **{**COMMON, "memory_width": 1, "length_ratio": 0.5, **more})),
    "memory_network": lambda **more: rivals.memory_network(rivals.MemoryNetworkConfig(
        **{**COMMON, "num_hops": 3, "query_window": 3, **more})),
}  # fmt: skip
NAMES = tuple(MAKERS)


def make(name: str, **more: Any) -> Rival:
    """A rival in evaluation mode, every parameter drawn at random."""
    torch.manual_seed(5)
    model = MAKERS[name](**more).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def sentences(lengths: list[int], seed: int) -> list[list[int]]:
    """Random ids above the special symbols, each with an end symbol."""
    generator = torch.Generator().manual_seed(seed)
    return [[*torch.randint(4, VOCABULARY, (n - 1,), generator=generator).tolist(), EOS] for n in lengths]


def batch(rows: list[list[int]], *, left: bool = False, width: int = 0) -> Tensor:
    """(rows, longest or width), padded on one side."""
    width = max(width, *map(len, rows))
    filled = [[PAD] * (width - len(row)) + row if left else row + [PAD] * (width - len(row)) for row in rows]
    return torch.tensor(filled)


def shifted(rows: list[list[int]], **more: Any) -> Tensor:
    """What the decoder reads for these targets."""
    return batch([[EOS, *row[:-1]] for row in rows], **more)
