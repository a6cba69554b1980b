"""What mixing silver trees costs the training loader: memory, time to draw an epoch, sentences a second (Section 6.3).

    python benchmarks/silver_side.py OUT --silver 1000000 --gold 40000 --ratio 10

Writes fairseq's files of made-up words and symbols, 22 and 94 tokens a sentence as the Wall Street Journal's (kept for
the next call), then goes through an epoch's batches as fairseq's trainer does. Nothing can be learned from them.

`own_bytes` is memory of the process, `mapped_bytes` pages of the files, which the system takes back when it wants.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
from pathlib import Path

import numpy as np

WORDS, SYMBOLS, EOS = 32_000, 128, 2
BLOCK = 10_000  # sentences written at a time


def write(folder: Path, split: str, sentences: int, seed: int) -> None:
    """SPLIT.words-symbols.{words,symbols} in the format of fairseq's MMapIndexedDataset, 16 bits a token."""
    generator = np.random.default_rng(seed)
    lengths = np.clip(np.rint(np.exp(generator.normal(np.log(22) - 0.1, 0.45, sentences))), 1, 120).astype(np.int32)
    for side, types, sizes in (("words", WORDS, lengths + 1), ("symbols", SYMBOLS, 4 * lengths + 1)):
        prefix = f"{split}.words-symbols.{side}"
        with (folder / f"{prefix}.bin").open("wb") as file:
            for start in range(0, sentences, BLOCK):
                part = sizes[start : start + BLOCK]
                tokens = generator.integers(4, types, int(part.sum()), dtype=np.uint16)
                tokens[np.cumsum(part) - 1] = EOS
                file.write(tokens.tobytes())
        places = np.zeros(sentences, dtype=np.int64)
        np.cumsum(2 * sizes[:-1].astype(np.int64), out=places[1:])
        with (folder / f"{prefix}.idx").open("wb") as file:
            file.write(b"MMIDIDX\x00\x00" + struct.pack("<QBQ", 1, 8, sentences))
            file.write(sizes.astype(np.int32).tobytes() + places.tobytes())
        dictionary = "".join(f"{side}{number} 1\n" for number in range(types - 4))
        (folder / f"dict.{side}.txt").write_text(dictionary)


def memory() -> dict[str, int]:
    """This process's own and its mapped bytes, as Linux counts them; nothing elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = {line.partition(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}
    return {"own_bytes": found.get("RssAnon", 0), "mapped_bytes": found.get("RssFile", 0)}


def epoch(folder: Path, ratio: float, number: int, max_tokens: int) -> dict[str, float]:
    """One epoch's batches: how long it took to draw them and to load them, and the memory at its height."""
    import fairseq  # noqa: F401 - the plugin registers itself where fairseq is loaded
    from fairseq import options, tasks
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    import aat_plugin

    aat_plugin.register()
    words = [str(folder), "--task", "aat_parsing", "--silver-ratio", str(ratio), "--arch", "aat_transformer_tiny",
             "--lr-scheduler", "aat_noam"]  # fmt: skip
    parsed = options.parse_args_and_arch(options.get_training_parser(), words)
    task = tasks.setup_task(convert_namespace_to_omegaconf(parsed).task)
    before = memory()["own_bytes"]
    started = time.perf_counter()
    task.load_dataset("train", combine=True)
    loaded = time.perf_counter()
    batches = task.get_batch_iterator(task.datasets["train"], max_tokens=max_tokens, max_positions=(1024, 1536),
                                      epoch=number).next_epoch_itr()  # fmt: skip
    drawn, on_processor = time.perf_counter(), time.process_time()
    sentences, highest = 0, memory()
    for update, batch in enumerate(batches):
        sentences += batch["nsentences"]
        if update % 100 == 0:
            highest = max(highest, memory(), key=lambda one: one["own_bytes"])
    return {
        "sentences": sentences, "load_seconds": loaded - started, "draw_seconds": drawn - loaded,
        "sentences_per_second": sentences / (time.perf_counter() - drawn),
        "sentences_per_processor_second": sentences / (time.process_time() - on_processor),
        "own_bytes_before": before, **highest,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--silver", type=int, default=1_000_000)
    parser.add_argument("--gold", type=int, default=40_000)
    parser.add_argument("--ratio", type=float, default=10.0)
    parser.add_argument("--epoch", type=int, default=1)
    parser.add_argument("--max-tokens", type=int, default=25_000)
    given = parser.parse_args()
    if not (given.out / "train.words-symbols.words.idx").exists():
        given.out.mkdir(parents=True, exist_ok=True)
        write(given.out, "silver", given.silver, seed=1)
        write(given.out, "train", given.gold, seed=2)
    print(json.dumps(epoch(given.out, given.ratio, given.epoch, given.max_tokens), indent=1))
