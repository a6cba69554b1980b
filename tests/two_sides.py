"""A batch that is padded on either side, and what a model makes of it: the loss's sums and every gradient."""

from __future__ import annotations

import torch

PAD = 1
HEADS = dict(d_k=4, d_v=4)


def batch(lengths, seed, left):
    """(batch, width) of ids, padded on one side."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in zip(tokens, lengths, strict=True):
        own = torch.randint(4, 19, (length,), generator=generator)
        row[len(row) - length if left else 0 :][:length] = own
    return tokens


def outcome(model, ways, loss, left_source=True, left_target=False):
    """The loss's sums and every gradient."""
    model.go(ways)
    model.zero_grad()
    source, target = batch([6, 2, 4], 1, left_source), batch([3, 7, 5], 2, left_target)
    torch.manual_seed(1)
    sums = model(source, None, target, target, loss=loss)
    sums.loss.backward()
    return sums, {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
