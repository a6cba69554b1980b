"""A further column of the training comparison: torch.nn.Transformer in the plainest loop, over the same dumped batches.

    python benchmarks/torch_side.py base --vocabulary 37000 --batches batches.pt [--warm-up 3] [--updates 10]

One embedding for source, target and output, sinusoids, torch's own label-smoothed cross entropy and Adam, float32; the
line of JSON has train_side's keys.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from other_loops import PAD, run
from sides import SIZES
from torch import Tensor, nn
from torch.nn import functional as F


class Plain(nn.Module):
    """What a reader of torch's documentation would write."""

    def __init__(self, size: str, vocabulary: int) -> None:
        super().__init__()
        d_model, d_ff, heads, layers, dropout = SIZES[size]
        self.table = nn.Embedding(vocabulary, d_model, padding_idx=PAD)
        nn.init.normal_(self.table.weight, std=d_model**-0.5)
        self.transformer = nn.Transformer(d_model, heads, layers, layers, d_ff, dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.d_model = d_model

    def embed(self, tokens: Tensor) -> Tensor:
        """(batch, length) → (batch, length, d_model)."""
        half = torch.arange(0, self.d_model, 2, device=tokens.device)
        angles = torch.arange(tokens.size(1), device=tokens.device)[:, None] * torch.exp(
            half * (-math.log(10_000.0) / self.d_model)
        )
        positions = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        embedded: Tensor = self.dropout(self.table(tokens) * math.sqrt(self.d_model) + positions)
        return embedded

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits (batch, tgt_len, V)."""
        causal = nn.Transformer.generate_square_subsequent_mask(target.size(1), device=target.device, dtype=torch.bool)
        hidden = self.transformer(
            self.embed(source), self.embed(target), tgt_mask=causal, tgt_is_causal=True,
            src_key_padding_mask=source.eq(PAD), memory_key_padding_mask=source.eq(PAD),
            tgt_key_padding_mask=target.eq(PAD),
        )  # fmt: skip
        return F.linear(hidden, self.table.weight)


def loss(model: Plain, batch: Any, source: Tensor, before: Tensor, target: Tensor) -> Tensor:
    """Label-smoothed cross entropy a token."""
    logits = model(source, before)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=0.1)


if __name__ == "__main__":
    run(__doc__, lambda size, vocabulary: Plain(size, vocabulary).train(), loss)
