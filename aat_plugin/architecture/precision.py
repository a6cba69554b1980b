"""The two operations that need more than half precision: softmax (Eq. 1) and layer normalisation (Section 3.1).

Both run in at least float32, and float64 stays float64, so that `model.double()` is exact and a half-precision model
loses nothing here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HALF = (torch.float16, torch.bfloat16)


def softmax(scores: Tensor) -> Tensor:
    """softmax over the last dimension, in at least float32, returned in the input's type.

    Args:
        scores: (..., classes).
    """
    if scores.dtype in _HALF:
        return F.softmax(scores, dim=-1, dtype=torch.float32).type_as(scores)
    return F.softmax(scores, dim=-1)


def log_softmax(scores: Tensor) -> Tensor:
    """log softmax over the last dimension in at least float32; half-precision input comes back as float32.

    Args:
        scores: (..., classes).
    """
    return F.log_softmax(scores, dim=-1, dtype=torch.float32 if scores.dtype in _HALF else None)


class LayerNorm(nn.LayerNorm):
    """Layer normalisation with scale and bias (Ba et al. 2016), computed in at least float32.

    Args:
        d_model: width of the last dimension.
        eps: added to the biased variance.
    """

    def __init__(self, d_model: int, eps: float) -> None:
        super().__init__(d_model, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x` (..., d_model) over its last dimension."""
        if x.dtype not in _HALF:
            return super().forward(x)
        normalised = F.layer_norm(x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps)
        return normalised.type_as(x)
