"""Take one part out of a built Transformer, to see what it was for. No option of any model: `aat whatif` alone asks.

Parameters stay as they are, but for the norms', so what is left is trained as ever. Read `bindings.whatif` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.masks import key_padding_mask
from aat_plugin.architecture.precision import LayerNorm
from aat_plugin.architecture.stacks import DecoderLayer, EncoderLayer
from aat_plugin.architecture.transformer import Transformer
from aat_plugin.architecture.ways import Ways
from aat_plugin.errors import choose


def without_scale(model: Transformer) -> None:
    """softmax(Q K^T) V instead of Eq. 1: queries grow by √d_k, which its 1/√d_k then takes back. Section 3.2.1."""
    for module in model.modules():
        if isinstance(module, MultiHeadAttention):
            root = math.sqrt(module.q_proj.out_features // module.num_heads)
            module.q_proj.register_forward_hook(_times(root))


def _times(factor: float) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    return lambda module, inputs, output: output * factor


def without_mask(model: Transformer) -> None:
    """Decoder positions see later ones while it trains. Section 3.2.3."""

    def only_padding(padding_mask: Tensor, new: int) -> Tensor:
        return key_padding_mask(padding_mask)

    setattr(model.decoder, "self_mask", only_padding)  # noqa: B010  # a method of one object


class NoPositions(nn.Module):
    """Adds nothing. Section 3.5."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    def forward(self, positions: Tensor, limit: int, like: Tensor) -> Tensor:
        """As `SinusoidalPositions`, but zeros: positions (batch, length) → (batch, length, d_model)."""
        return like.new_zeros((*positions.shape, self.d_model))


def without_positions(model: Transformer) -> None:
    """Embeddings alone go into both stacks."""
    for stack in (model.encoder, model.decoder):
        stack.embed_positions = NoPositions(stack.config.d_model)  # type: ignore[assignment]


def without_residual(model: Transformer) -> None:
    """LayerNorm(Dropout(Sublayer(x))) instead of LayerNorm(x + Dropout(Sublayer(x))). Section 3.1."""
    for layer in model.modules():
        if isinstance(layer, EncoderLayer | DecoderLayer):
            setattr(layer, "residual", _no_sum(layer))  # noqa: B010  # a method of one object


def _no_sum(layer: EncoderLayer | DecoderLayer) -> Callable[[Tensor, Callable[[Tensor], Tensor], LayerNorm], Tensor]:
    def residual(x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: LayerNorm) -> Tensor:
        inner = sublayer(norm(x)) if layer.normalize_before else sublayer(x)
        kept = F.dropout(inner, layer.dropout, layer.training)
        out: Tensor = kept if layer.normalize_before else norm(kept)
        return out

    return residual


def without_norm(model: Transformer) -> None:
    """x + Dropout(Sublayer(x)). Section 3.1."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LayerNorm):
                setattr(module, name, nn.Identity())


PARTS: dict[str, Callable[[Transformer], None]] = {
    "scale": without_scale,
    "mask": without_mask,
    "positions": without_positions,
    "residual": without_residual,
    "norm": without_norm,
}


def remove(model: Transformer, part: str) -> None:
    """Take a part out, in place, before the model is trained; it computes in plain ways from then on.

    The quick ways multiply weights themselves, past what is changed here.

    Raises:
        ConfigError: there is no such part.
    """
    with torch.no_grad():
        PARTS[choose("without", part, PARTS)](model)
    model.go(Ways())
