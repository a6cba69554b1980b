"""From treebank files to fairseq's data-bin, stage by stage: what `aat prepare trees` and `aat prepare wsj` run.

The stages are `corpora`'s, what happens to a tree is `parsing.preparation`'s, fairseq's formats are
`bindings.binarize`'s; this file only strings them together (`tree_blocks` works on blocks of lines). Languages are
called `words` and `symbols`. Gold and silver trees stay apart in all files: train.* and silver.*, silver1.* …

    trees/SPLIT.trees                    cleaned, one a line
    treebank.json                        how trees are said, and what else a parser must know
    text/SPLIT.words .symbols .num_words
    subwords/SPLIT.words                 where words are cut
    data-bin/                            fairseq's files; beside them treebank.json, SPLIT.num_words, SPLIT.trees of
                                         validation and test: all that training and scoring need
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aat_plugin.cli.tree_blocks import CleanBlock, LinesBlock, survey_block
from aat_plugin.corpora import bpe
from aat_plugin.corpora.blocks import read_blocks
from aat_plugin.corpora.files import UNFINISHED, cannot_write, replacing, sha256, write_text
from aat_plugin.corpora.pairs import CODES, DATA_BIN, Binarise
from aat_plugin.corpora.progress import Progress
from aat_plugin.corpora.stages import Counts, Pipeline, Say, Stage
from aat_plugin.corpora.streams import Run, transform
from aat_plugin.errors import ConfigError, DataError
from aat_plugin.parsing.preparation import RECORD, Cleaned, Survey, make_record
from aat_plugin.parsing.treebank import iterate_files

SIDES = ("words", "symbols")
SILVER = "silver"


@dataclass(frozen=True)
class TreeOptions:
    """What decides the outcome, besides the files.

    Attributes:
        linearisation: see `parsing.linearise.SCHEMES`.
        merges: of byte-pair encoding of the words; 0 leaves whole words.
        vocabulary: the most words of the dictionary, where they are left whole.
        classes: unknown words become classes, where they are left whole.
        keep_traces, keep_functions: what `parsing.cleaning` would take out.
        joined_dictionary: words and symbols share one dictionary, so that a model can share all its embeddings.
    """

    linearisation: str = "vinyals"
    merges: int = 8_000
    vocabulary: int = 16_384
    classes: bool = False
    keep_traces: bool = False
    keep_functions: bool = False
    joined_dictionary: bool = False

    def __post_init__(self) -> None:
        if self.merges < 0 or self.vocabulary < 1:
            raise ConfigError(f"--bpe {self.merges} must be at least 0, and --vocabulary {self.vocabulary} at least 1")
        if self.classes and self.merges:
            raise ConfigError("--unknown-classes are for whole words; give --bpe 0 with it, or leave it out")


Check = Callable[[Mapping[str, int]], None]


def prepare(
    folder: Path, files: Mapping[str, Sequence[Path]], silver: Sequence[Path], options: TreeOptions,
    binarise: Binarise, workers: int, say: Say, check: Check | None = None,
) -> None:
    """Run the stages that are not done yet.

    Args:
        folder: where all of it lies.
        files: split → its files, of trees in any layout; `train` and `valid` are needed.
        silver: files of one tree a line.
        options: see `TreeOptions`.
        binarise: `bindings.binarize.PAIR`.
        workers: processes.
        say: shows a line to the user.
        check: looks at the gold splits' numbers of trees, those that hold nothing but traces included.

    Raises:
        DataError: files are missing, broken or empty; the disk is full.
    """
    if workers < 1:
        raise ConfigError(f"--workers {workers} must be at least 1")
    about = {"kind": "trees", "languages": list(SIDES), "options": asdict(options)}
    with Pipeline(folder, about, say, workers) as pipeline:
        _Preparation(pipeline, files, silver, options, binarise).run(check)


class _Preparation:
    """The stages of one call, in their order."""

    def __init__(
        self, pipeline: Pipeline, files: Mapping[str, Sequence[Path]], silver: Sequence[Path], options: TreeOptions,
        binarise: Binarise,
    ) -> None:
        self.pipeline, self.folder, self.files = pipeline, pipeline.folder, files
        self.options, self.binarise = options, binarise
        self.silver = {SILVER + (str(number) if number else ""): path for number, path in enumerate(silver)}
        self.splits = [*files, *self.silver]
        self.training = [split for split in self.splits if split == "train" or split in self.silver]

    def run(self, check: Check | None) -> None:
        """All stages."""
        cleaning = [self._clean(split, paths) for split, paths in self.files.items()]
        for stage in cleaning:
            self.pipeline.run(stage)
        if check is not None:
            check({split: self._number(split) for split in self.files})
        later = [*(self._clean_silver(split, path) for split, path in self.silver.items()), self._survey(),
                 *map(self._lines, self.splits), *self._subwords(), *self._dictionaries(), *self._encode(),
                 *self._beside()]
        for stage in later:
            self.pipeline.run(stage)
        self.pipeline.keep_only([*cleaning, *later])

    def _path(self, kind: str, split: str, suffix: str) -> Path:
        return self.folder / kind / f"{split}.{suffix}"

    def _number(self, split: str) -> int:
        counts = self.pipeline.manifest["stages"][f"clean {split}"]["counts"]
        return int(counts["lines"] + counts["dropped"])

    def _clean(self, split: str, paths: Sequence[Path]) -> Stage:
        made = self._path("trees", split, "trees")
        chosen = {"keep_traces": self.options.keep_traces, "keep_functions": self.options.keep_functions}

        def work(run: Run) -> Counts:
            cleaned = Cleaned(iterate_files(paths), not self.options.keep_traces, not self.options.keep_functions)
            with Progress(f"clean {split}") as progress, replacing(made) as file:
                for line in cleaned:
                    file.write(line + "\n")
                    progress.advance()
            if not cleaned.lines:
                raise DataError(f"{', '.join(map(str, paths[:3]))}: no tree for {split}; check the files")
            return {"lines": cleaned.lines, "dropped": cleaned.dropped}

        return Stage(f"clean {split}", paths, [made], chosen, work)

    def _clean_silver(self, split: str, path: Path) -> Stage:
        made = self._path("trees", split, "trees")
        block = CleanBlock(not self.options.keep_traces, not self.options.keep_functions)
        return Stage(f"clean {split}", [path], [made], asdict(block),
                     lambda run: transform([path], [made], block, run, f"clean {split}"))

    def _survey(self) -> Stage:
        inputs = [self._path("trees", split, "trees") for split in self.training]
        made, options = self.folder / RECORD, self.options

        def work(run: Run) -> Counts:
            survey = Survey()
            with Progress("survey") as progress:
                for path in inputs:
                    for part in run.workers.in_order(survey_block, read_blocks([path])):
                        survey.include(part)
                        progress.advance(part.trees)
            record = make_record(options.linearisation, survey, classes=options.classes, size=options.vocabulary)
            write_text(made, record.to_json())
            return record.counts

        chosen = {"linearisation": options.linearisation, "classes": options.classes, "vocabulary": options.vocabulary}
        return Stage("survey", inputs, [made], chosen, work)

    def _lines(self, split: str) -> Stage:
        source, record = self._path("trees", split, "trees"), self.folder / RECORD
        made = [self._path("text", split, suffix) for suffix in (*SIDES, "num_words")]

        def work(run: Run) -> Counts:
            return transform([source], made, LinesBlock(record, sha256(record)), run, f"lines {split}")

        return Stage(f"lines {split}", [source, record], made, {}, work)

    def _subwords(self) -> Iterator[Stage]:
        if not self.options.merges:
            return
        codes, train = self.folder / CODES, [self._path("text", split, "words") for split in self.training]

        def learn(run: Run) -> Counts:
            return bpe.learn(bpe.count_words(train, run.workers, "count words"), self.options.merges, codes)

        yield Stage("learn subwords", train, [codes], {"merges": self.options.merges}, learn)
        for split in self.splits:
            yield self._cut(self._path("text", split, "words"), self._path("subwords", split, "words"), codes)

    def _cut(self, source: Path, made: Path, codes: Path) -> Stage:
        def work(run: Run) -> Counts:
            return bpe.apply_to_file(source, made, bpe.CutBlock(codes, sha256(codes)), run)

        return Stage(f"subwords {made.name}", [source, codes], [made], {}, work)

    def _ready(self, split: str, side: str) -> Path:
        """What is turned into numbers."""
        return self._path("subwords" if self.options.merges and side == "words" else "text", split, side)

    def _dictionaries(self) -> Iterator[Stage]:
        inputs = [[self._ready(split, side) for split in self.training] for side in SIDES]
        made = [self.folder / DATA_BIN / f"dict.{side}.txt" for side in SIDES]
        # Pieces are as many as the merges let them be; whole words are the most frequent ones.
        most = None if self.options.merges else self.options.vocabulary

        def work(run: Run) -> Counts:
            words, symbols = (bpe.count_words(paths, run.workers, f"count {side}")
                              for paths, side in zip(inputs, SIDES, strict=True))
            words = Counter(dict(sorted(words.items(), key=lambda pair: (-pair[1], pair[0]))[:most]))
            both = [words + symbols] * 2 if self.options.joined_dictionary else [words, symbols]
            types = [self.binarise.dictionary(counts, path) for counts, path in zip(both, made, strict=True)]
            return dict(zip(("word_types", "symbol_types"), types, strict=True))

        chosen = {"joined_dictionary": self.options.joined_dictionary, "most": most}
        yield Stage("dictionaries", [path for paths in inputs for path in paths], made, chosen, work)

    def _encode(self) -> Iterator[Stage]:
        for split in self.splits:
            for side in SIDES:
                prefix = self.folder / DATA_BIN / f"{split}.{'-'.join(SIDES)}.{side}"
                yield self._encode_one(self._ready(split, side), self.folder / DATA_BIN / f"dict.{side}.txt", prefix)

    def _encode_one(self, source: Path, dictionary: Path, prefix: Path) -> Stage:
        data, index = (prefix.with_name(f"{prefix.name}.{suffix}") for suffix in ("bin", "idx"))
        return Stage(f"binarise {source.name}", [source, dictionary], [data, index], {},
                     lambda run: self.binarise.encode(source, dictionary, data, index, run))

    def _beside(self) -> Iterator[Stage]:
        """Copies in the data-bin of what fairseq has no place for; each a stage, so that what is not wanted goes."""
        inputs = [self.folder / RECORD, *(self._path("text", split, "num_words") for split in self.splits)]
        inputs += [self._path("trees", split, "trees") for split in self.files if split != "train"]
        for source in inputs:
            yield self._copy(source, self.folder / DATA_BIN / source.name)

    def _copy(self, source: Path, made: Path) -> Stage:
        def work(run: Run) -> Counts:
            temporary = made.with_name(f".{made.name}{UNFINISHED}")
            with cannot_write(made):
                shutil.copyfile(source, temporary)
                temporary.replace(made)
            return {"bytes": made.stat().st_size}

        return Stage(f"copy {source.name}", [source], [made], {}, work)
