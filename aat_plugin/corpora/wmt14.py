"""WMT14 English–German and English–French (Section 5.1): which files of which archives are training, dev and test.

The paper names the data and its sizes (4.5 and 36 million pairs) and no more. Chosen here: newstest2013 for
development, also for French (the paper names none there); newstest2014 in full, 3,003 sentences (sacreBLEU's `wmt14`
is the filtered one of 2,737); EN-FR with pairs left out at a ratio of lengths of 1.5, since all of them are 40.8
million and the paper has 36. Read `wmt14_stages` next, which gets the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aat_plugin.corpora.sources import CORPORA, RemoteFile
from aat_plugin.errors import DataError

VALID, TEST = "newstest2013", "newstest2014"
LINES = {"valid": 3_000, "test": 3_003}
"""Sentences of newstest2013 and of newstest2014 in full."""


@dataclass(frozen=True)
class Part:
    """A corpus of pairs inside an archive.

    Attributes:
        name: what it is called.
        archive: the archive's name.
        members: for English and the other language, the names that its file may go by.
    """

    name: str
    archive: str
    members: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Task:
    """What `aat prepare` makes of WMT14 for one pair of languages.

    Attributes:
        name: `wmt14_en_de` or `wmt14_en_fr`.
        target_lang: the language that is not English.
        merges: of byte-pair encoding, or word-pieces (Section 5.1).
        ratio: see `PairOptions`.
        splits: split → its parts.
    """

    name: str
    target_lang: str
    merges: int
    ratio: float
    splits: Mapping[str, tuple[Part, ...]]

    @property
    def archives(self) -> tuple[RemoteFile, ...]:
        """All that are needed."""
        return CORPORA[self.name].files


LONGEST = 250
"""Subwords of either side of a training pair, as fairseq's recipes have it; the paper is silent."""


def _training(name: str, archive: str, below: str, pair: str) -> Part:
    files = [f"{below}{name}.{pair}.{language}" for language in ("en", pair.partition("-")[0])]
    return Part(name, archive, ((files[0],), (files[1],)))


def _corpora(language: str) -> tuple[Part, ...]:
    pair = f"{language}-en"
    europarl = _training("europarl-v7", "training-parallel-europarl-v7.tgz", "training/", pair)
    crawl = _training("commoncrawl", "training-parallel-commoncrawl.tgz", "", pair)
    news = _training("news-commentary-v9", "training-parallel-nc-v9.tgz", "training/", pair)
    if language == "de":
        return europarl, crawl, news
    giga = "giga-fren.release2.fixed"
    return (
        europarl, crawl, _training("undoc.2000", "training-parallel-un.tgz", "un/", pair), news,
        Part(giga, "training-giga-fren.tar", ((f"{giga}.en.gz",), (f"{giga}.fr.gz",))),
    )  # fmt: skip


def _task(language: str, merges: int, ratio: float) -> Task:
    dev = Part(VALID, "dev.tgz", (
        (f"dev/{VALID}.en", f"dev/{VALID}-src.en.sgm"),
        (f"dev/{VALID}.{language}", f"dev/{VALID}-ref.{language}.sgm", f"dev/{VALID}-src.{language}.sgm"),
    ))  # fmt: skip
    both = f"{language}en"
    test = Part(TEST, "test-full.tgz", (
        (f"test-full/{TEST}-{both}-src.en.sgm",), (f"test-full/{TEST}-{both}-ref.{language}.sgm",),
    ))  # fmt: skip
    splits = {"train": _corpora(language), "valid": (dev,), "test": (test,)}
    return Task(f"wmt14_en_{language}", language, merges, ratio, splits)


TASKS = {task.name: task for task in (_task("de", 37_000, 9.0), _task("fr", 32_000, 1.5))}


def check_lines(found: Mapping[str, int]) -> None:
    """Compare the dev and test sets' sizes with those that everybody has.

    Raises:
        DataError: one has another size.
    """
    for split, name in (("valid", VALID), ("test", TEST)):
        if found[split] != LINES[split]:
            filtered = " (2,737 would be the filtered set)" if split == "test" else ""
            raise DataError(
                f"{name} has {found[split]:,} lines and should have {LINES[split]:,}{filtered}; give the full one with "
                "--raw, or --any-content to go on with another"
            )
