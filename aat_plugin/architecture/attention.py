"""Section 3.2: scaled dot-product attention (Eq. 1) and multi-head attention with d_k and d_v of their own."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.architecture.precision import softmax
from aat_plugin.architecture.restricted import Reach, restricted_attention


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Attention(Q, K, V) = softmax(Q K^T / sqrt(d_k)) V. Section 3.2.1, Eq. 1.

    Args:
        query: (batch, heads, tgt_len, d_k).
        key: (batch, heads, src_len, d_k).
        value: (batch, heads, src_len, d_v).
        mask: True where a connection is illegal; broadcasts to (batch, heads, tgt_len, src_len).
        dropout: probability on the weights; 0 in the paper.

    Returns:
        The mixture (batch, heads, tgt_len, d_v) and the weights before dropout (batch, heads, tgt_len, src_len).
    """
    scores = (query * (1.0 / math.sqrt(query.size(-1)))) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask, float("-inf"))
    weights = softmax(scores)
    return F.dropout(weights, dropout, training=dropout > 0.0) @ value, weights


class MultiHeadAttention(nn.Module):
    """MultiHead(Q, K, V) = Concat(head_1, …, head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V). Section 3.2.2.

    The h matrices W_i^Q lie side by side in `q_proj` (h · d_k rows), and so on.

    Args:
        d_model: width of inputs and output.
        num_heads: h.
        d_k, d_v: widths of a head's keys and values; free of d_model / h.
        bias: whether the four projections have biases; the paper writes none.
        dropout: on the attention weights; 0 in the paper.
    """

    def __init__(self, d_model: int, num_heads: int, d_k: int, d_v: int, *, bias: bool, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.q_proj = nn.Linear(d_model, num_heads * d_k, bias=bias)
        self.k_proj = nn.Linear(d_model, num_heads * d_k, bias=bias)
        self.v_proj = nn.Linear(d_model, num_heads * d_v, bias=bias)
        self.out_proj = nn.Linear(num_heads * d_v, d_model, bias=bias)

    def project_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Project `memory` (batch, src_len, d_model).

        Returns:
            Keys (batch, heads, src_len, d_k) and values (batch, heads, src_len, d_v).
        """
        return self._heads(self.k_proj(memory)), self._heads(self.v_proj(memory))

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Attend from `x` to keys and values that `project_memory` made.

        Args:
            x: queries before projection, (batch, tgt_len, d_model).
            key, value: (batch, heads, src_len, d_k) and (batch, heads, src_len, d_v).
            mask: True where illegal; broadcasts to (batch, heads, tgt_len, src_len).

        Returns:
            (batch, tgt_len, d_model) and the weights (batch, heads, tgt_len, src_len).
        """
        query = self._heads(self.q_proj(x))
        mixed, weights = scaled_dot_product_attention(
            query, key, value, mask, self.dropout if self.training else 0.0
        )
        return self._joined(mixed), weights

    def nearby(self, x: Tensor, key: Tensor, value: Tensor, padding_mask: Tensor, near: Reach) -> Tensor:
        """Attend from `x`, the last positions of key and value, to each one's neighbourhood. Section 4.

        Args:
            x: queries before projection, (batch, new, d_model).
            key, value: (batch, heads, past + new, d_k) and (batch, heads, past + new, d_v).
            padding_mask: (batch, past + new), True where padded.
            near: how far a query sees.

        Returns:
            (batch, new, d_model).
        """
        dropout = self.dropout if self.training else 0.0
        return self._joined(restricted_attention(self._heads(self.q_proj(x)), key, value, padding_mask, near, dropout))

    def _joined(self, mixed: Tensor) -> Tensor:
        """Concat(head_1, …, head_h) W^O: (batch, heads, length, d_v) → (batch, length, d_model)."""
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _heads(self, projected: Tensor) -> Tensor:
        """(batch, length, heads · d) → (batch, heads, length, d)."""
        batch, length, width = projected.shape
        return projected.view(batch, length, self.num_heads, width // self.num_heads).transpose(1, 2)
