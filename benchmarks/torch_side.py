"""A further column of the training comparison: torch.nn.Transformer in the plainest loop, over the same dumped batches.

    python benchmarks/torch_side.py base --vocabulary 37000 --batches batches.pt [--warm-up 3] [--updates 10]

One embedding for source, target and output, sinusoids, torch's own label-smoothed cross entropy and Adam, float32; the
line of JSON has train_side's keys.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from measuring import measured
from sides import SIZES
from torch import Tensor, nn
from torch.nn import functional as F

PAD = 1


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


def main() -> None:
    """Parse the words, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=list(SIZES))
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--updates", type=int, default=10)
    given = parser.parse_args()
    torch.manual_seed(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Plain(given.size, given.vocabulary).to(device).train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def update(batch: Any) -> float:
        source, before, target = (
            tensor.to(device)
            for tensor in (batch["net_input"]["src_tokens"], batch["net_input"]["prev_output_tokens"], batch["target"])
        )
        logits = model(source, before)
        loss = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=0.1)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return float(loss.detach()) / math.log(2)

    batches = torch.load(given.batches, weights_only=True)
    figures = measured(update, batches, given.warm_up, given.updates)
    print(json.dumps({**figures, "vocabulary": given.vocabulary}))


if __name__ == "__main__":
    main()
