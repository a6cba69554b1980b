"""The demo's data sets: pairs, trees and templates by seed, split so that no template of the test set is trained on.

A template is the sequence of part-of-speech tags of the English side with number and tense taken out: `the dog sees a
cat` and `these mice saw my horses` share one. A template belongs to one split, by a checksum of itself, so that a model
which only knows sentence patterns by heart is at a loss on valid and test. Read `baselines` next.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from aat_plugin.demo import english, german
from aat_plugin.demo.sampling import Sampler

SPLITS: Mapping[str, int] = {"train": 24000, "valid": 500, "test": 1000}
# Tags that differ in number or tense alone count as one; determiners, possessives and numbers too.
_COARSE = {"NNS": "NN", "VBZ": "V", "VBP": "V", "VBD": "V", "MD": "V", "PRP$": "DT", "CD": "DT", "WDT": "WP"}
_SHARES = 10  # of ten parts of all templates, one is valid's and one is test's
_PER_TEMPLATE = 2  # sentences that valid and test take of one template
_LONGEST = 32  # words on either side; longer sentences are not kept


@dataclass(frozen=True)
class Example:
    """One sentence pair.

    Attributes:
        source: English words, separated by blanks.
        target: German words, separated by blanks.
        tree: the English phrase structure in Penn Treebank brackets, on one line.
        template: what the sentence is with its words taken out.
    """

    source: str
    target: str
    tree: str
    template: str


def generate(num: int, seed: int) -> Iterator[Example]:
    """`num` examples, with repetitions as they come; the same seed gives the same examples in every Python."""
    sampler = Sampler(seed)
    return islice(_endless(sampler), num)


def _endless(sampler: Sampler) -> Iterator[Example]:
    while True:
        sentence = sampler.sentence()
        tree = english.tree(sentence)
        leaves = list(tree.leaves())
        target = german.words(sentence)
        if max(len(leaves), len(target)) <= _LONGEST:
            tags = " ".join(_COARSE.get(leaf.label, leaf.label) for leaf in leaves)
            yield Example(" ".join(leaf.word for leaf in leaves), " ".join(target), tree.bracketed(), tags)


def split(seed: int = 1, sizes: Mapping[str, int] = SPLITS) -> dict[str, list[Example]]:
    """Data sets that share no sentence and no template.

    Args:
        seed: of the corpus.
        sizes: sentences wanted of `train`, `valid` and `test`.

    Returns:
        split → its examples, each sentence once. Valid and test hold at most two sentences of one template.
    """
    made: dict[str, list[Example]] = {name: [] for name in sizes}
    seen: set[str] = set()
    taken: Counter[str] = Counter()
    for example in _endless(Sampler(seed)):
        name = owner(example.template)
        full = len(made[name]) == sizes[name] or (name != "train" and taken[example.template] == _PER_TEMPLATE)
        if not full and example.source not in seen:
            seen.add(example.source)
            taken[example.template] += 1
            made[name].append(example)
            if all(len(made[one]) == size for one, size in sizes.items()):
                break
    return made


def owner(template: str) -> str:
    """The split that a template belongs to."""
    part = zlib.crc32(template.encode("utf-8")) % _SHARES
    return {0: "valid", 1: "test"}.get(part, "train")


def write_corpus(directory: Path, seed: int = 1, sizes: Mapping[str, int] = SPLITS) -> dict[str, list[Example]]:
    """Write train, valid and test as `.en`, `.de` and `.trees`, one sentence a line, and return them.

    Each file is complete or not there: it is written beside its place and then renamed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = split(seed, sizes)
    for name, examples in made.items():
        _write(directory / f"{name}.en", (example.source for example in examples))
        _write(directory / f"{name}.de", (example.target for example in examples))
        _write(directory / f"{name}.trees", (example.tree for example in examples))
    return made


def _write(file: Path, lines: Iterable[str]) -> None:
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    unfinished.replace(file)
