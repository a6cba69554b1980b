"""Padding, evenness, time and memory of Section 5.1's updates, beside fairseq's own batches of the same lengths.

    python benchmarks/batching.py --pairs 36000000                  made-up lengths, log-normal like WMT14's
    python benchmarks/batching.py --text train.en train.de          real text: characters / 4.6, about its subwords
    python benchmarks/batching.py --data DATA --languages en de     a data-bin

Each side is prepared in a process of its own, whose processor time and peak of memory are counted over what it had with
the lengths loaded. fairseq's batches are those of its recipes: max_tokens is an update's tokens over its packs.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from make_data import lengths as made_up

from aat_plugin.bindings.plan_request import Prepared, lengths, stock_batches
from aat_plugin.corpora.files import iterate_lines
from aat_plugin.training.batching import UpdateSize, plan_epoch
from aat_plugin.training.batching_figures import figures, plan_of_batches

CHARACTERS = 4.6
"""Of English and German text for a subword, roughly."""


def sides_of(given: argparse.Namespace) -> Prepared:
    """The lengths, end symbols included."""
    if given.data:
        prefix = f"{given.data}/train.{'-'.join(given.languages)}"
        sides = [lengths(f"{prefix}.{one}") for one in given.languages]
    elif given.text:
        sides = [[round(len(line) / CHARACTERS) + 2 for line in iterate_lines(path)] for path in given.text]
    else:
        sides = [one + 1 for one in made_up(np.random.default_rng(1), given.pairs, 26.0)]
    return Prepared(*(np.asarray(side, dtype=np.int32) for side in sides), vocabulary=0)


def measured(side: str, found: Prepared, given: argparse.Namespace, answer: Any) -> None:
    """Prepare one side in this process, and count it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    packs = given.devices * given.update_freq
    wall, processor = time.perf_counter(), time.process_time()
    if side == "ours":
        size = UpdateSize(given.tokens, given.length_groups)
        plan = plan_epoch(found.source, found.target, size, packs, max_tokens=given.max_tokens)
    else:
        batches = stock_batches(found, given.tokens // packs)
    spent = {"seconds": time.perf_counter() - wall, "processor seconds": time.process_time() - processor}
    spent["peak GiB"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    if side == "fairseq":
        plan = plan_of_batches(batches, packs)
    answer.put({**{name: round(one, 2) for name, one in spent.items()},
                **asdict(figures(plan, found.source, found.target, given.devices))})  # fmt: skip


def main() -> None:
    """Measure the sides one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4_500_000)
    parser.add_argument("--text", type=Path, nargs=2)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--languages", nargs=2, default=["en", "de"])
    parser.add_argument("--tokens", type=int, default=25_000)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--update-freq", type=int, default=1)
    parser.add_argument("--length-groups", type=int, default=8)
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--sides", nargs="+", choices=["ours", "fairseq"], default=["ours", "fairseq"])
    given = parser.parse_args()
    found, forked, results = sides_of(given), multiprocessing.get_context("fork"), {}
    for side in given.sides:
        answer = forked.Queue()
        process = forked.Process(target=measured, args=(side, found, given, answer))
        process.start()
        results[side] = answer.get()
        process.join()
    print(json.dumps({"pairs": len(found.source), "sides": results}, indent=2))


if __name__ == "__main__":
    main()
