"""A data-bin of made-up sentences with the lengths and word frequencies of real ones, for timing at any vocabulary.

    python benchmarks/make_data.py OUT --vocabulary 37000 --pairs 20000 --length 27

Lengths are log-normal, the target's follows the source's; words are drawn by Zipf's law. Nothing can be learned from
it; for real text give the benchmarks a data-bin of your own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from fairseq.data import Dictionary, indexed_dataset

SPECIAL = 4  # <s>, <pad>, </s>, <unk>


def lengths(generator: np.random.Generator, pairs: int, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Source and target lengths in tokens without the end symbol, 1 to 250."""
    source = np.exp(generator.normal(np.log(mean) - 0.18, 0.6, pairs))
    target = source * np.exp(generator.normal(0.0, 0.2, pairs))
    return tuple(np.clip(np.rint(one), 1, 250).astype(int) for one in (source, target))  # type: ignore[return-value]


def write(folder: Path, vocabulary: int, pairs: int, mean: float, seed: int = 1) -> None:
    """Write dict.en.txt, dict.de.txt and train, valid, test of `pairs`, 200 and 400 sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    dictionary = Dictionary()
    for index in range(vocabulary - SPECIAL):
        dictionary.add_symbol(f"w{index}", n=vocabulary - index)
    for language in ("en", "de"):
        dictionary.save(str(folder / f"dict.{language}.txt"))
    generator = np.random.default_rng(seed)
    frequency = 1.0 / np.arange(1, vocabulary - SPECIAL + 1)
    frequency /= frequency.sum()
    for split, number in (("train", pairs), ("valid", 200), ("test", 400)):
        for language, counts in zip(("en", "de"), lengths(generator, number, mean), strict=True):
            prefix = str(folder / f"{split}.en-de.{language}")
            builder = indexed_dataset.make_builder(f"{prefix}.bin", impl="mmap", vocab_size=vocabulary)
            drawn = generator.choice(vocabulary - SPECIAL, size=int(counts.sum()), p=frequency) + SPECIAL
            for sentence in np.split(drawn, np.cumsum(counts)[:-1]):
                builder.add_item(torch.from_numpy(np.append(sentence, dictionary.eos()).astype(np.int32)))
            builder.finalize(f"{prefix}.idx")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--vocabulary", type=int, default=37_000)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--length", type=float, default=27.0)
    given = parser.parse_args()
    write(given.out, given.vocabulary, given.pairs, given.length)
