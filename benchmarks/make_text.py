"""Raw text of a million and more sentence pairs, with lengths and word frequencies like newspaper text's.

    python benchmarks/make_text.py OUT --pairs 1000000

Sentences of the demo's grammar are strung together, 27 words a line in the mean; one word in ten becomes a made-up one,
drawn by Zipf's law out of 400,000; numbers, quotes, brackets and full stops within a line are strewn in. For timing
alone: nothing can be learned from it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from aat_plugin.demo.corpus import generate

BASES = 20_000
WORDS = 400_000
STARTS = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "w", "z", "br", "dr", "kl", "st", "tr"]
VOWELS = {"en": ["a", "e", "i", "o", "u", "ea", "ou"], "de": ["a", "e", "i", "o", "u", "ei", "au", "ü", "ö"]}
ENDS = ["", "n", "r", "s", "t", "ng", "ck", "ll"]
MEANS = [", ", "; ", " – ", " and ", ": ", ". "]
SPLITS = {"valid": 3_000, "test": 3_000}


def made_up(generator: random.Random, language: str) -> str:
    """A word of two to five syllables; German ones are capitalised every other time."""
    syllables = [
        generator.choice(STARTS) + generator.choice(VOWELS[language]) + generator.choice(ENDS)
        for _ in range(generator.choice((2, 2, 3, 3, 4, 5)))
    ]
    word = "".join(syllables)
    return word.capitalize() if generator.random() < (0.5 if language == "de" else 0.15) else word


def untokenised(sentence: str) -> str:
    """The grammar's sentence as people write it, without the full stop at its end."""
    return sentence.removesuffix(" .").removesuffix(" ?").replace(" ,", ",").replace(" 's", "'s")


def lines(pairs: int, seed: int) -> Iterator[tuple[str, str]]:
    """`pairs` pairs; the same seed gives the same."""
    generator = random.Random(seed)  # noqa: S311 - no secret
    bases = [tuple(map(untokenised, (one.source, one.target))) for one in generate(BASES, seed)]
    words = {language: [made_up(generator, language) for _ in range(WORDS)] for language in VOWELS}
    weights = list(accumulate(1 / rank for rank in range(10, WORDS + 10)))
    for _ in range(pairs):
        chosen = generator.choices(bases, k=generator.choice((1, 1, 2, 2, 3, 4)))
        means = generator.choices(MEANS, (8, 2, 1, 4, 1, 1), k=len(chosen) - 1)
        ranks = generator.choices(range(WORDS), cum_weights=weights, k=20)
        yield tuple(  # type: ignore[misc]
            _line([base[side] for base in chosen], means, ranks, words[language], generator.random())
            for side, language in enumerate(VOWELS)
        )


def _line(parts: list[str], means: list[str], ranks: list[int], words: list[str], chance: float) -> str:
    pieces = [parts[0], *(mean + part for mean, part in zip(means, parts[1:], strict=True))]
    split = "".join(pieces).split(" ")
    for place, rank in zip(range(3, len(split), 10), ranks, strict=False):
        split[place] = words[rank] if rank % 17 else str(rank)
    if chance < 0.05:
        split[1] = f'"{split[1]}"'
    elif chance < 0.08:
        split[1] = f"({split[1]})"
    elif chance < 0.09:
        split[1] = f"{split[1]}'s"
    text = " ".join(split)
    return f"{text[0].upper()}{text[1:]}{'?' if chance > 0.95 else '.'}"


def write(folder: Path, pairs: int) -> None:
    """Write train, valid and test as .en and .de."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, number) in enumerate({"train": pairs, **SPLITS}.items(), start=1):
        with (folder / f"{split}.en").open("w") as source, (folder / f"{split}.de").open("w") as target:
            for english, german in lines(number, seed):
                source.write(english + "\n")
                target.write(german + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    given = parser.parse_args()
    write(given.out, given.pairs)
