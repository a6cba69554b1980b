"""What the training loop waits for: from start to the first update, and its loader's share of the time (Section 5.1).

    python benchmarks/loader_side.py make OUT --pairs 36000000          WMT14 English–French's number of pairs
    python benchmarks/loader_side.py stock OUT [--size tiny] [--updates 30] [words of fairseq-train …]
    python benchmarks/loader_side.py aat OUT --tokens-per-update 25000

OUT gets fairseq's index of as many pairs as are asked for, with lengths like WMT's; but its sentences are few: those of
one length lie at the same places of a small file, so that reading them costs less than real ones would. The loop is
fairseq-train's own, on a model of `--size`. Prints one line of JSON; seconds count from this script's first line.
"""

from __future__ import annotations

import time

BEGUN = time.perf_counter(), time.process_time()

import argparse  # noqa: E402
import json  # noqa: E402
import struct  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

VOCABULARY, EOS, LONGEST, VARIANTS = 9_700, 2, 252, 4


def make(folder: Path, pairs: int, mean: float) -> None:
    """Write dict.{en,de}.txt and train.en-de.{en,de}.{bin,idx}, 16 bits a token."""
    from make_data import lengths

    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    words = "".join(f"w{number} 1\n" for number in range(VOCABULARY - 4))
    for language, counts in zip(("en", "de"), lengths(generator, pairs, mean), strict=True):
        (folder / f"dict.{language}.txt").write_text(words, encoding="utf-8")
        prefix = folder / f"train.en-de.{language}"
        known = np.repeat(np.arange(LONGEST), VARIANTS)  # each length, end symbol included, in some variants
        tokens = generator.integers(4, VOCABULARY, int(known.sum()), dtype=np.uint16)
        ends = np.cumsum(known)
        tokens[ends[known > 0] - 1] = EOS
        prefix.with_name(f"{prefix.name}.bin").write_bytes(tokens.tobytes())
        sizes = (counts + 1).astype(np.int32)
        places = 2 * (ends - known)[sizes.astype(np.int64) * VARIANTS + generator.integers(0, VARIANTS, pairs)]
        with prefix.with_name(f"{prefix.name}.idx").open("wb") as file:
            file.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQ", 1, 8, pairs))
            file.write(sizes.tobytes() + places.astype(np.int64).tobytes())


def trained(given: argparse.Namespace, extra: list[str]) -> dict[str, Any]:
    """Train some updates as fairseq-train does, and say what each part took."""
    from fairseq.data import iterators
    from measuring import current, peak
    from train_side import trainer_of

    words = ["--max-tokens", str(given.max_tokens), "--num-workers", str(given.workers), *extra]
    trainer, task = trainer_of(given.side, given.size, given.data, words)
    built = time.perf_counter()
    epoch = trainer.get_train_iterator(epoch=1, load_dataset=True)
    batches = epoch.next_epoch_itr(fix_batches_to_gpus=False, shuffle=True)
    updates = iter(iterators.GroupedIterator(batches, trainer.cfg.optimization.update_freq[0]))
    waited, worked, first = [], [], None
    for _ in range(given.updates + 1):
        started = time.perf_counter()
        samples = next(updates)
        loaded = time.perf_counter()
        trainer.train_step(samples)
        ended = time.perf_counter()
        first = first or (ended - BEGUN[0], time.process_time() - BEGUN[1])
        waited.append(loaded - started)
        worked.append(ended - loaded)
    assert first is not None  # there is one update at least
    waited, worked = waited[1:], worked[1:]  # the first also fills the loader
    return {
        "seconds_to_first_update": first[0],
        "processor_seconds_to_first_update": first[1],
        "of_which_before_data": built - BEGUN[0],
        "loaders_share": sum(waited) / (sum(waited) + sum(worked)),
        "seconds_per_update": (sum(waited) + sum(worked)) / len(worked),
        "pairs": len(task.dataset("train")),
        "peak_bytes": peak(),
        "bytes_now": current(),
    }


def main() -> None:
    """Parse the words, make or train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["make", "stock", "aat"])
    parser.add_argument("data", type=Path)
    parser.add_argument("--pairs", type=int, default=36_000_000)
    parser.add_argument("--length", type=float, default=26.0)
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--max-tokens", type=int, default=4096)
    parser.add_argument("--updates", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1, help="processes that load, as fairseq-train's --num-workers")
    given, extra = parser.parse_known_args()
    if given.side == "make":
        make(given.data, given.pairs, given.length)
    else:
        print(json.dumps(trained(given, extra)))


if __name__ == "__main__":
    main()
