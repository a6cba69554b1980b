"""Whether what is quicker learns the same: the loss of stock fairseq and of the plugin, update by update.

    python benchmarks/loss_curve.py DATA [--size tiny] [--updates 500] [--out runs/loss_curve]

Every side starts from the same weights, sees the same batches in the same order, and has the same schedule and
conventions (fairseq's); masks of dropout are each side's own. What masks alone do is seen from stock with another seed.
A side is a process of its own and is kept, so the command goes on where it was stopped. OUT/curves.json has every loss
in bits a token, OUT/curves.svg the means of `WINDOW` updates, and the table the distances from stock.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from comparisons import script
from kept import RunFailedError, run, say, write

# The plugin is imported where it is used: a side loads it by --user-dir, which must come first.
WINDOW = 10
SCHEDULE = ["--lr-scheduler", "inverse_sqrt", "--lr", "1e-3", "--warmup-updates", "200", "--warmup-init-lr", "1e-7"]
OURS = ["--convention", "fairseq"]
SIDES = {
    "stock": ("stock", []),
    "stock, other masks": ("stock", ["--seed", "2"]),
    "aat": ("aat", OURS),
    "aat bf16": ("aat", [*OURS, "--precision", "bf16"]),
}


def losses(given: argparse.Namespace, extra: list[str]) -> list[float]:
    """One side's losses, in bits a target token."""
    import torch
    from train_side import trainer_of

    trainer, _ = trainer_of(given.side, given.size, given.data, ["--max-tokens", str(given.max_tokens), *extra])
    model = trainer.model
    if not given.weights.is_file():
        torch.save({name: one.detach() for name, one in model.named_parameters()}, given.weights)
    start = torch.load(given.weights, weights_only=True)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(start.pop(name))
    if start:
        raise SystemExit(f"the sides' parameters are not the same: {', '.join(start)}")
    batches = torch.load(given.batches, weights_only=True)
    return [float(trainer.train_step([batches[n % len(batches)]])["loss"]) for n in range(given.updates)]


def means(numbers: Sequence[float]) -> list[tuple[float, float]]:
    """(update, mean of the `WINDOW` losses that end there)."""
    ends = range(WINDOW, len(numbers) + 1, WINDOW)
    return [(float(end), sum(numbers[end - WINDOW : end]) / WINDOW) for end in ends]


def distances(found: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Of each side's means from stock's: the mean of their sizes, the largest, and that of the last tenth, signed."""
    stock = means(found["stock"])
    told = {}
    for side, numbers in found.items():
        apart = [mine - theirs for (_, mine), (_, theirs) in zip(means(numbers), stock, strict=True)]
        last = apart[-max(1, len(apart) // 10) :]
        told[side] = {
            "mean": sum(map(abs, apart)) / len(apart), "largest": max(map(abs, apart)), "end": sum(last) / len(last)
        }  # fmt: skip
    return told


def main() -> int:
    """Run one side, or all of them and put them beside each other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a joined data-bin en-de")
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--updates", type=int, default=500)
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--out", type=Path, default=Path("runs/loss_curve"))
    parser.add_argument("--limit", type=float, default=7200.0, help="seconds that one side may take")
    for name, kind in (("side", str), ("batches", Path), ("weights", Path)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given, extra = parser.parse_known_args()
    if given.updates < WINDOW:
        parser.error(f"--updates {given.updates}: a mean needs {WINDOW}")
    if given.side:
        print(json.dumps({"losses": losses(given, extra)}))
        return 0
    if extra:
        parser.error(f"unknown: {' '.join(extra)}")
    try:
        found = _all(given)
    except RunFailedError as why:
        say(str(why))
        return 1
    from aat_plugin.results import provenance
    from aat_plugin.results.charts import line_chart, save

    apart = distances(found)
    about = provenance.collect([" ".join(["python", *sys.argv])], [])
    write(given.out / "curves.json", {"provenance": about, "losses": found, "distances": apart, "window": WINDOW})
    drawn = {side: means(numbers) for side, numbers in found.items()}
    last = ", ".join(f"{side} {points[-1][1]:.3f}" for side, points in drawn.items())
    alt = f"Loss of {given.size} over {given.updates} updates; means of the last {WINDOW}: {last} bits a token."
    save(line_chart(drawn, x="updates", y="loss, bits a token", alt=alt), given.out / "curves.svg")
    print("| side | last mean | mean distance | largest | at the end |\n|---|---|---|---|---|")
    for side, one in apart.items():
        numbers = drawn[side][-1][1], one["mean"], one["largest"], one["end"]
        print(f"| {side} | {' | '.join(f'{number:.3f}' for number in numbers)} |")
    return 0


def _all(given: argparse.Namespace) -> dict[str, list[float]]:
    """Every side's losses, of those that were run before from their files."""
    from aat_plugin.results import provenance

    given.out.mkdir(parents=True, exist_ok=True)
    batches, weights = given.out / "batches.pt", given.out / "weights.pt"
    shared: tuple[Any, ...] = (given.data, "--size", given.size, "--updates", given.updates, "--max-tokens",
                               given.max_tokens, "--batches", batches, "--weights", weights)  # fmt: skip
    if not batches.is_file():
        words = ("stock", given.size, given.data, "--dump", batches, "--max-tokens", given.max_tokens)
        _done(script("train_side", *words, "--updates", given.updates), given)
    found = {}
    for side, (of, words) in SIDES.items():
        say(f"… {side}")
        command = script("loss_curve", *shared, "--side", of, *SCHEDULE, *words)
        found[side] = run(_place(given, side), command, given.limit, provenance.commit())["losses"]
    return found


def _place(given: argparse.Namespace, side: str) -> Path:
    return Path(given.out) / f"{side.replace(', ', '_').replace(' ', '_')}.json"


def _done(command: list[str], given: argparse.Namespace) -> None:
    import subprocess

    done = subprocess.run(command, capture_output=True, text=True, timeout=given.limit)
    if done.returncode:
        raise RunFailedError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-1500:]}")


if __name__ == "__main__":
    sys.exit(main())
