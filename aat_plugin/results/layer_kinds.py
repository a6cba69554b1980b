"""Table 1's kinds of layers as they are built today, each as something that can be run, counted and timed. Section 4.

Self-attention and its restriction are the plugin's own; recurrent and convolutional layers are torch's. Read `table1`
for the measurements, `path_length` for how far a signal has to go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.attention import MultiHeadAttention, scaled_dot_product_attention
from aat_plugin.architecture.restricted import reach, restricted_attention
from aat_plugin.results import layer_claims as claims
from aat_plugin.results.layer_claims import Claim


@dataclass(frozen=True)
class Kind:
    """A row of Table 1 that can be run.

    Attributes:
        claim: what the table says of it.
        build: (d, k, r) → the layer, (batch, n, d) → (batch, n, d), its weights random.
        hop: (d, k, r, l) → what the l-th position-to-position step computes, l from 0; None where it is the layer.
        causal: whether signals go forward only.
        varies: whether each step is another one.
    """

    claim: Claim
    build: Callable[[int, int, int], nn.Module]
    hop: Callable[[int, int, int, int], nn.Module] | None = None
    causal: bool = False
    varies: bool = False


class AttentionCore(nn.Module):
    """Eq. 1 on its own, one head: queries, keys and values are the input; within r positions where r is given."""

    def __init__(self, r: int | None = None) -> None:
        super().__init__()
        self.near = None if r is None else reach(r, causal=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, d) → (batch, n, d)."""
        heads = x.unsqueeze(1)
        if self.near is None:
            return scaled_dot_product_attention(heads, heads, heads, None)[0].squeeze(1)
        nothing_padded = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        return restricted_attention(heads, heads, heads, nothing_padded, self.near).squeeze(1)


class AttentionLayer(nn.Module):
    """Multi-head self-attention with its four projections; four heads."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(d, 4, d // 4, d // 4, bias=False, dropout=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, d) → (batch, n, d)."""
        out: Tensor = self.attention(x, *self.attention.project_memory(x), None)[0]
        return out


class Recurrent(nn.Module):
    """h_t = tanh(W x_t + U h_{t-1}), over all positions, or one time step of all of them."""

    def __init__(self, d: int, *, one_step: bool = False) -> None:
        super().__init__()
        self.one_step = one_step
        self.rnn = nn.RNN(d, d, bias=False, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs, or under `one_step` states, (batch, n, d) → states (batch, n, d)."""
        if not self.one_step:
            out: Tensor = self.rnn(x)[0]
            return out
        before = F.pad(x, (0, 0, 1, 0))[:, :-1].reshape(1, -1, x.size(-1))
        after: Tensor = self.rnn(torch.zeros_like(before).transpose(0, 1), before.contiguous())[1]
        return after.reshape(x.shape)


class Convolution(nn.Module):
    """A kernel of k positions: centred, or `dilation` apart and looking back, as ByteNet's decoder does.

    A separable one is depthwise, with a product at every position after it.
    """

    def __init__(self, d: int, k: int, dilation: int = 0, *, is_separable: bool = False) -> None:
        super().__init__()
        groups = d if is_separable else 1
        self.around = ((k - 1) * dilation, 0) if dilation else ((k - 1) // 2, k // 2)
        self.convolve = nn.Conv1d(d, d, k, dilation=dilation or 1, groups=groups, bias=False)
        self.pointwise = nn.Linear(d, d, bias=False) if is_separable else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n, d) → (batch, n, d)."""
        out: Tensor = self.pointwise(self.convolve(F.pad(x.transpose(1, 2), self.around)).transpose(1, 2))
        return out


KINDS: tuple[Kind, ...] = (
    Kind(claims.ATTENTION, lambda d, k, r: AttentionCore()),
    Kind(claims.WHOLE_ATTENTION, lambda d, k, r: AttentionLayer(d)),
    Kind(claims.RESTRICTED, lambda d, k, r: AttentionCore(r)),
    Kind(claims.RECURRENT, lambda d, k, r: Recurrent(d), lambda d, k, r, index: Recurrent(d, one_step=True),
         causal=True),
    Kind(claims.CONTIGUOUS, lambda d, k, r: Convolution(d, k)),
    Kind(claims.DILATED, lambda d, k, r: Convolution(d, k, k), lambda d, k, r, index: Convolution(d, k, k**index),
         causal=True, varies=True),
    Kind(claims.SEPARABLE, lambda d, k, r: Convolution(d, k, is_separable=True)),
)  # fmt: skip
