"""The plainest training loop around a model that is not fairseq's: `torch_side` and `joeynmt_side` are made of it.

float32, Adam, one update a batch, the batches that stock's iterator gave; the line of JSON has train_side's keys. Needs
torch alone, for it runs under another Python than this project's too.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import measured
from sides import SIZES
from torch import Tensor, nn

PAD = 1
"""As in fairseq's dictionaries."""


def run(
    description: str | None,
    make: Callable[[str, int], nn.Module],
    loss: Callable[[Any, Any, Tensor, Tensor, Tensor], Tensor],
) -> None:
    """Parse the words, train, print.

    Args:
        description: for --help.
        make: size, V → a model in training mode.
        loss: model, batch, source, decoder input and target, each (batch, length) → the loss a token.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=list(SIZES))
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--batches", type=Path, required=True)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--updates", type=int, default=10)
    given = parser.parse_args()
    torch.manual_seed(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = make(given.size, given.vocabulary).to(device)
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def update(batch: Any) -> float:
        inputs = batch["net_input"]
        tokens = (inputs["src_tokens"], inputs["prev_output_tokens"], batch["target"])
        of_batch = loss(model, batch, *(one.to(device) for one in tokens))
        adam.zero_grad()
        of_batch.backward()
        adam.step()
        return float(of_batch.detach()) / math.log(2)

    batches = torch.load(given.batches, weights_only=True)
    print(json.dumps({**measured(update, batches, given.warm_up, given.updates), "vocabulary": given.vocabulary}))
