"""Raw made-up text for end-to-end tests: capitals and full stops, so that tokenisation has something to do."""

from __future__ import annotations

import random
from pathlib import Path

SYLLABLES = [consonant + vowel for consonant in "bdglmnst" for vowel in "aeiu"]


def write_raw(folder: Path, split: str, lines: int, generator: random.Random) -> None:
    """Write `split`.en and `split`.de: words of two syllables, and the same in reverse order with syllables swapped."""
    sources, targets = [], []
    for _ in range(lines):
        words = [(generator.choice(SYLLABLES), generator.choice(SYLLABLES)) for _ in range(generator.randint(2, 6))]
        sources.append(" ".join(first + second for first, second in words).capitalize() + ".")
        targets.append(" ".join(second + first for first, second in reversed(words)).capitalize() + ".")
    for language, made in (("en", sources), ("de", targets)):
        (folder / f"{split}.{language}").write_text("".join(f"{line}\n" for line in made), encoding="utf-8")
