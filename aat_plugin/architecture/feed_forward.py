"""Section 3.3, Eq. 2: FFN(x) = max(0, x W_1 + b_1) W_2 + b_2, at every position separately and identically."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.dropout import dropout


def feed_forward(x: Tensor, fc1: nn.Linear, fc2: nn.Linear, probability: float = 0.0, *, quick: bool = False) -> Tensor:
    """FFN(x) = max(0, x W_1 + b_1) W_2 + b_2. Section 3.3, Eq. 2.

    Args:
        x: (batch, length, d_model).
        fc1: W_1 and b_1, d_model → d_ff.
        fc2: W_2 and b_2, d_ff → d_model.
        probability: of dropout after the rectifier (tensor2tensor's relu dropout); 0 in the paper and when evaluating.
        quick: how masks are drawn, see `dropout`.

    Returns:
        (batch, length, d_model).
    """
    inner: Tensor = F.relu(fc1(x), inplace=True)  # no product's gradient needs its own result
    out: Tensor = fc2(dropout(inner, probability, quick=quick) if probability > 0.0 else inner)
    return out
