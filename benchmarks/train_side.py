"""One side of the training comparison, in a process of its own: fairseq's Trainer over dumped batches.

    python benchmarks/train_side.py stock base DATA --batches batches.pt [--warm-up 3] [--updates 10]
    python benchmarks/train_side.py stock base DATA --dump batches.pt --max-tokens 4096 --updates 20

A whole update is timed: forward, loss, backward, clipping, Adam, schedule. Prints one line of JSON. What counts are the
real target tokens, so padding is a cost.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from sides import words


def trainer_of(side: str, size: str, data: Path, extra: list[str]) -> tuple[Any, Any]:
    """fairseq's Trainer and task, built as fairseq-train builds them."""
    from fairseq import options, tasks
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf
    from fairseq.trainer import Trainer

    device = [] if torch.cuda.is_available() else ["--cpu"]
    arguments = words(side, size, data, [*extra, *device])
    sys.argv[1:] = arguments  # fairseq looks for --user-dir there
    parser = options.get_training_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, input_args=arguments))
    torch.manual_seed(cfg.common.seed)
    task = tasks.setup_task(cfg.task)
    model, criterion = task.build_model(cfg.model), task.build_criterion(cfg.criterion)
    trainer = Trainer(cfg, task, model, criterion)
    trainer.begin_epoch(1)
    return trainer, task


def dump(task: Any, file: Path, max_tokens: int, updates: int) -> None:
    """Save the first batches of stock fairseq's own iterator."""
    task.load_dataset("train")
    iterator = task.get_batch_iterator(
        task.dataset("train"), max_tokens=max_tokens, required_batch_size_multiple=8, seed=1, num_workers=0
    )
    batches = [batch for _, batch in zip(range(updates), iterator.next_epoch_itr(shuffle=True), strict=False)]
    torch.save(batches, file)


def measure(trainer: Any, batches: list[Any], warm_up: int, updates: int) -> dict[str, float]:
    """Time `updates` updates after `warm_up`, going round the batches."""
    tokens = cells = 0
    losses = []
    for number in range(warm_up + updates):
        if number == warm_up:
            _synchronise()
            started = time.perf_counter()
        batch = batches[number % len(batches)]
        log = trainer.train_step([batch])
        if number >= warm_up:
            tokens += batch["ntokens"]
            cells += batch["target"].numel()
            losses.append(float(log["loss"]))
    _synchronise()
    seconds = time.perf_counter() - started
    return {
        "tokens_per_second": tokens / seconds,
        "seconds_per_update": seconds / updates,
        "target_tokens": tokens,
        "padding_share": 1 - tokens / cells,
        "peak_bytes": _peak(),
        "last_loss": losses[-1],
    }


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Parse the words and do the one thing or the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["stock", "aat"])
    parser.add_argument("size")
    parser.add_argument("data", type=Path)
    parser.add_argument("--batches", type=Path)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--updates", type=int, default=10)
    given, extra = parser.parse_known_args()
    trainer, task = trainer_of(given.side, given.size, given.data, ["--max-tokens", str(given.max_tokens), *extra])
    if given.dump:
        dump(task, given.dump, given.max_tokens, given.updates)
        return
    batches = torch.load(given.batches, weights_only=True)
    print(json.dumps(measure(trainer, batches, given.warm_up, given.updates)))


if __name__ == "__main__":
    main()
