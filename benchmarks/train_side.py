"""One side of the training comparison, in a process of its own: fairseq's Trainer over dumped batches.

    python benchmarks/train_side.py stock base DATA --batches batches.pt [--warm-up 3] [--updates 10]
    python benchmarks/train_side.py stock base DATA --own-batches --max-tokens 4096
    python benchmarks/train_side.py stock base DATA --dump batches.pt --max-tokens 4096 --updates 20
    python benchmarks/train_side.py aat base DATA --save untrained.pt

A whole update is timed: forward, loss, backward, clipping, Adam, schedule. Prints one line of JSON. What counts are the
real target tokens, so padding is a cost.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from measuring import measured
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


def loss_of(logged: dict[str, Any] | None) -> float:
    """In bits; NaN where half precision overflowed and the update was left out."""
    return float(logged["loss"]) if logged else float("nan")


def own_batches(task: Any, max_tokens: int, updates: int) -> list[Any]:
    """The first batches of the task's own iterator."""
    task.load_dataset("train")
    iterator = task.get_batch_iterator(
        task.dataset("train"), max_tokens=max_tokens, required_batch_size_multiple=8, seed=1, num_workers=0
    )
    return [batch for _, batch in zip(range(updates), iterator.next_epoch_itr(shuffle=True), strict=False)]


def main() -> None:
    """Parse the words and do the one thing or the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["stock", "aat"])
    parser.add_argument("size")
    parser.add_argument("data", type=Path)
    parser.add_argument("--batches", type=Path)
    parser.add_argument("--own-batches", action="store_true")
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--updates", type=int, default=10)
    given, extra = parser.parse_known_args()
    trainer, task = trainer_of(given.side, given.size, given.data, ["--max-tokens", str(given.max_tokens), *extra])
    if given.dump:
        torch.save(own_batches(task, given.max_tokens, given.updates), given.dump)
        return
    if given.save:
        trainer.consolidate_optimizer()
        trainer.save_checkpoint(str(given.save), {"train_iterator": {"epoch": 1}, "val_loss": None})
        return
    if given.own_batches:
        batches = own_batches(task, given.max_tokens, given.warm_up + given.updates)
    else:
        batches = torch.load(given.batches, weights_only=True)
    # The loss is one micro-batch's, in bits a target token, as the trainer logs it.
    figures = measured(lambda batch: loss_of(trainer.train_step([batch])), batches, given.warm_up, given.updates)
    print(json.dumps({**figures, "vocabulary": len(task.target_dictionary)}))


if __name__ == "__main__":
    main()
