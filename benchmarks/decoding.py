"""What is compared in decoding: sides, the batch size that suits each, and whether the same was said. Needs no torch.

Each side decodes in batches of the size that is the quickest for it, found once (`trials`) and kept for all rounds.
Read `comparisons` first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from comparisons import Comparison, script

RATES = {"wall": "sentences_per_second", "processor": "sentences_per_processor_second"}
LATENCY = {"wall": "batch_p50", "processor": "batch_p50"}
SIZES = {4: "32,128,512,1024", 21: "4,12"}
"""Batch sizes that are tried, by beam."""


@dataclass(frozen=True)
class Model:
    """A model in each side's form.

    Attributes:
        ours: a checkpoint of the plugin's.
        stock: the same as stock fairseq's.
        ctranslate2: the same as a folder of CTranslate2's; None without.
        data: the data-bin whose test set is decoded.
        sentences: of it, about so many.
    """

    ours: Path
    stock: Path
    ctranslate2: Path | None
    data: Path
    sentences: int


@dataclass(frozen=True)
class Task:
    """A model, and how it decodes.

    Attributes:
        name: of the comparison.
        title: a line for readers.
        model: which.
        beam: hypotheses a sentence.
        sizes: of batches, to be tried; empty for one sentence at a time.
        medians: key of the summary → the side that is divided by stock.
        more: words for every side.
        precisions: of ours.
        engine: whether `aat translate --engine ctranslate2` is a side.
    """

    name: str
    title: str
    model: Model
    beam: int
    sizes: str
    medians: Mapping[str, str]
    more: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ("float32", "bf16", "int8")
    engine: bool = False

    def sides(self) -> dict[str, list[str]]:
        """The command of each side, without a batch size."""
        of = self.model
        words = (of.data, "--beam", self.beam, "--sentences", of.sentences, *self.more)
        found = {"stock": script("decode_side", "stock", of.stock, *words)}
        for precision in self.precisions:
            name = "aat" if precision == "float32" else f"aat {precision}"
            found[name] = script("decode_side", "aat", of.ours, *words, "--precision", precision)
        if of.ctranslate2 is not None:
            for compute in ("float32", "int8"):
                words_of = (of.ctranslate2, *words, "--compute", compute)
                found[f"CTranslate2 {compute}"] = script("ctranslate2_side", *words_of)
            if self.engine:
                engine = script("ctranslate2_side", of.ctranslate2, *words, "--engine", "--batch-size", 10**9)
                found["aat translate --engine ctranslate2"] = engine
        return found


def tasks(
    model: Model | None, parser: Model | None, base: Model | None, alone: int = 100, length: int | None = None
) -> list[Task]:
    """What is decoded: a translator at beam 4, and `alone` sentences one by one; a parser (or it) at beam 21; base.

    With `length` each of the parser's outputs has so many tokens.
    """
    found: list[Task] = []
    if model is not None:
        medians = {"decode_beam4_fp32": "aat", "decode_beam4_fast": "aat bf16", "decode_beam4_int8": "aat int8"}
        found.append(Task("decode_beam4", "Decoding, beam 4", model, 4, SIZES[4], medians, engine=True))
        few = replace(model, sentences=min(model.sentences, alone))
        found.append(Task("decode_latency", "Decoding one sentence at a time, beam 4: seconds at the median", few, 4,
                          "", {"decode_latency": "aat"}))
    wide = parser or model
    if wide is not None:
        medians = {"decode_beam21": "aat bf16", "decode_beam21_fp32": "aat"}
        limit = ("--max-len-a", "4") if length is None else ("--forced-length", str(length))
        more = ("--longest", *limit) if parser is not None else ()
        title = "Parsing, the longest sentences, beam 21" if parser is not None else "Decoding, beam 21"
        found.append(Task("decode_beam21", title, wide, 21, SIZES[21], medians, more))
    if base is not None:
        more = ("--forced-length", "30")
        found.append(Task("decode_base", "Base size, untrained, 30 tokens forced, beam 4", base, 4, "16,48",
                          {"decode_base_fp32": "aat", "decode_base_fast": "aat bf16"}, more))
    return found


def trials(task: Task) -> Iterator[tuple[str, list[str]]]:
    """Each side that a batch size is looked for, and the command that finds it."""
    for side, words in task.sides().items() if task.sizes else ():
        if "--batch-size" not in words:
            yield side, [*words, "--try-sizes", task.sizes]


def comparison(task: Task, best: Mapping[str, int], heard: Path) -> Comparison:
    """The comparison, each side at its own batch size.

    Args:
        task: see `Task`.
        best: side → size, from `trials`.
        heard: the folder for what was said.
    """
    sides, files = {}, {}
    for side, words in task.sides().items():
        size = [] if "--batch-size" in words else ["--batch-size", str(best[side] if task.sizes else 1)]
        files[side] = heard / f"{task.name}.{side.replace(' ', '_')}"
        sides[side] = [*words, *size, "--hypotheses", str(files[side])]
    alone = not task.sizes
    return Comparison(task.name, task.title, sides, LATENCY if alone else RATES, more_is_better=not alone,
                      medians=task.medians, heard=files)  # fmt: skip


def alike(heard: Mapping[str, Path], side: str, baseline: str) -> float | None:
    """The share of sentences of which a side said just what the baseline said; None where one said nothing."""
    files = [heard[name] for name in (side, baseline) if name in heard and heard[name].is_file()]
    if len(files) < 2:
        return None
    one, other = (dict(line.split("\t", 1) for line in file.read_text(encoding="utf-8").splitlines()) for file in files)
    both = one.keys() & other.keys()
    return sum(one[number] == other[number] for number in both) / len(both) if both else None
