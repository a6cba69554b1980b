"""The peak of memory of real updates on a processor, beside what `aat plan` says of them, by the same parts.

    python benchmarks/memory.py --scale base --rows 31 --length 100

A small update that makes Adam's moments, then one of two micro-batches; counted is the process's peak (ru_maxrss) over
what it had before the model was built. The allocator gives freed memory back at once (glibc's mallopt), else its
own reserve is counted too, a fifth and more. Text is random: nothing can be learned from it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import resource
from dataclasses import asdict

import torch

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.architecture.memory import training_memory
from aat_plugin.training.fused_loss import CHUNK, FusedCrossEntropy

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
SCALES = {
    "base": {},
    "big": dict(d_model=1024, d_ff=4096, num_heads=16, dropout=0.3),
    "small": dict(num_layers=3, d_model=256, d_ff=1024, num_heads=4),
}


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def update(model: Transformer, optimizer: torch.optim.Optimizer, shape: tuple[int, int, int], batches: int) -> None:
    """One update on random tokens."""
    rows, source, target = shape
    config = model.encoder.config
    loss = FusedCrossEntropy(epsilon=0.1, smoothing_mass="all", padding_idx=config.padding_idx)
    optimizer.zero_grad()
    for _ in range(batches):
        src, prev, wanted = (torch.randint(4, config.target_vocabulary, (rows, length))
                             for length in (source, target, target))  # fmt: skip
        model(src, None, prev, target=wanted, loss=loss).loss.backward()
    optimizer.step()


def train(config: TransformerConfig, shape: tuple[int, int, int]) -> None:
    """Two updates: after the first, small one all of Adam's state is there."""
    model = Transformer(config).train()
    optimizer = torch.optim.Adam(model.parameters())
    update(model, optimizer, (2, 5, 5), 1)
    update(model, optimizer, shape, 2)


def main() -> None:
    """Measure, and print both as JSON."""
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 65_536)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=SCALES, default="base")
    parser.add_argument("--vocabulary", type=int, default=37_000)
    parser.add_argument("--rows", type=int, default=31)
    parser.add_argument("--length", type=int, default=100)
    given = parser.parse_args()
    config = TransformerConfig(given.vocabulary, given.vocabulary, **SCALES[given.scale])
    shape = (given.rows, given.length, given.length)
    train(TransformerConfig(50, 50, num_layers=1, d_model=16, d_ff=16), (2, 5, 5))  # loads what torch loads late
    before = peak()
    train(config, shape)
    measured = peak() - before
    planned = training_memory(config, shape, logit_rows=CHUNK, on_gpu=False)
    print(json.dumps({"shape": shape, "measured": measured, "planned": planned.total, "by part": asdict(planned),
                      "planned / measured": round(planned.total / measured, 3)}, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
