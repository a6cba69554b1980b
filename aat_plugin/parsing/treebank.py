"""Where a treebank's trees are: the Wall Street Journal part of the Penn Treebank in the layouts that people have.

Section 6.3 trains on about 40 thousand sentences of it: by custom sections 02–21, with section 22 for development and
23 for the test, 39,832, 1,700 and 2,416 trees. LDC99T42 has parsed/mrg/wsj/NN/wsj_NNMM.mrg; other copies have
combined/, upper-case names, gzip, or all files in one folder. Read `cleaning` and `tree_files` for what is in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aat_plugin.errors import DataError
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import Tree

SPLITS: Mapping[str, range] = {"train": range(2, 22), "valid": range(22, 23), "test": range(23, 24)}
COUNTS: Mapping[str, int] = {"train": 39_832, "valid": 1_700, "test": 2_416}

_FILE = re.compile(r"wsj_(\d\d)\d\d(?:\.(?:mrg|combined|tree))?(?:;1)?(?:\.gz)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d\d")
# Other layers of the same sentences (raw text, tags, parses without tags) under the same names.
_OTHER_LAYERS = frozenset({"raw", "tagged", "prd", "pos", "brown", "atis", "swbd"})


def find_wsj(folder: Path) -> dict[int, list[Path]]:
    """The files of each section, in order.

    Args:
        folder: the treebank, or any folder above or inside it that holds the sections.

    Raises:
        DataError: the folder is missing or holds no such file; or it holds the treebank twice.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; give --ptb the Penn Treebank's, e.g. LDC99T42")
    copies: dict[Path, dict[int, list[Path]]] = {}
    for path in sorted(folder.rglob("*")):
        match = _FILE.fullmatch(path.name)
        layers = {part.lower() for part in path.relative_to(folder).parts[:-1]}
        if match is not None and not layers & _OTHER_LAYERS and path.is_file():
            home = path.parent.parent if _NUMBER.fullmatch(path.parent.name) else path.parent
            copies.setdefault(home, {}).setdefault(int(match[1]), []).append(path)
    if not copies:
        raise DataError(f"{folder} holds no file such as wsj/02/wsj_0201.mrg; give --ptb the Penn Treebank's folder")
    most = max(map(_size, copies.values()))
    best = [home for home, sections in copies.items() if _size(sections) == most]
    if len(best) > 1:
        raise DataError(f"{folder} holds the treebank {len(best)} times, in {best[0]} and {best[1]}; give one of them")
    return copies[best[0]]


def _size(sections: Mapping[int, Sequence[Path]]) -> int:
    return sum(map(len, sections.values()))


def wsj_files(folder: Path) -> dict[str, list[Path]]:
    """The files of the usual splits, in order.

    Raises:
        DataError: as for `find_wsj`, and where a section is missing.
    """
    sections = find_wsj(folder)
    missing = [number for numbers in SPLITS.values() for number in numbers if number not in sections]
    if missing:
        raise DataError(f"{folder} lacks section {', '.join(f'{number:02d}' for number in missing)} of the Wall Street "
                        "Journal; sections 02 to 23 are needed")
    return {split: [path for number in numbers for path in sections[number]] for split, numbers in SPLITS.items()}


def check_counts(counts: Mapping[str, int], expected: Mapping[str, int] = COUNTS) -> None:
    """Compare numbers of trees with the known ones.

    Raises:
        DataError: names every split that has another number.
    """
    wrong = [
        f"{split} (sections {numbers.start:02d} to {numbers.stop - 1:02d}) has {counts[split]:,} trees, "
        f"not {expected[split]:,}"
        for split, numbers in SPLITS.items()
        if counts[split] != expected[split]
    ]
    if wrong:
        raise DataError(f"this is not the treebank that others use: {'; '.join(wrong)}; with --any-counts it is used "
                        "all the same, and figures are not comparable")


def iterate_files(paths: Sequence[Path]) -> Iterator[Tree]:
    """The trees of several files, one after the other."""
    for path in paths:
        yield from iterate_trees(path)
