"""Aligned text files for each split become tokens, subwords and fairseq's data-bin: `aat prepare pair` and the like.

Stages, each done once (`stages`): check, leave out repeated pairs, tokenise, learn subwords, apply them, clean, count
the dictionary, binarise. The last two write fairseq's formats and are handed in. All stream: memory does not grow with
the number of lines, only with the number of different words. Read `tokenise` and `bpe` for what happens to a line.

From Python:

    from aat_plugin.bindings import binarize
    from aat_plugin.corpora import pairs
    files = {"train": [(Path("train.en"), Path("train.de"))], "valid": [(Path("dev.en"), Path("dev.de"))]}
    pairs.prepare(Path("data"), files, pairs.PairOptions("en", "de"), binarize.PAIR, workers=2, say=print)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aat_plugin.corpora import bpe, duplicates, moses, tokenise, wordpiece
from aat_plugin.corpora.chain import Chain, Source, paths_of
from aat_plugin.corpora.clean import CleanBlock, clean_pair
from aat_plugin.corpora.files import sha256
from aat_plugin.corpora.manifest import package_version
from aat_plugin.corpora.pair_check import Pair, check_pair
from aat_plugin.corpora.pair_options import CODES, PairOptions
from aat_plugin.corpora.stages import Counts, Pipeline, Say, Stage
from aat_plugin.corpora.streams import Run
from aat_plugin.errors import ConfigError

__all__ = ["CODES", "DATA_BIN", "Binarise", "PairOptions", "Parts", "languages_of", "prepare", "run_stages"]

DATA_BIN = "data-bin"
Parts = Sequence[Pair]
"""A split's files: one pair, or several that are read one after another."""


@dataclass(frozen=True)
class Binarise:
    """How fairseq's files are made, for `bindings` to say.

    Attributes:
        dictionary: writes a dictionary from pieces' counts and returns how many types it has.
        encode: (text, dictionary, the .bin, the .idx, run) writes the last two.
    """

    dictionary: Callable[[Counter[str], Path], int]
    encode: Callable[[Path, Path, Path, Path, Run], Counts]


def languages_of(pair: Pair) -> tuple[str, str]:
    """The languages that two files' names end in: `train.en train.de`, with or without `.gz`.

    Raises:
        ConfigError: a name has no such ending.
    """
    found = []
    for path in pair:
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        if not suffix[1:].isalpha():
            raise ConfigError(f"{path} does not end in a language such as .en; give the languages with -s and -t")
        found.append(suffix[1:])
    return found[0], found[1]


def prepare(
    folder: Path, files: Mapping[str, Parts], options: PairOptions, binarise: Binarise, workers: int, say: Say
) -> bool:
    """Run the stages that are not done yet.

    Args:
        folder: where all of it lies: tokens/, subwords/, data-bin/, bpecodes, manifest.json; checked/ and unique/ where
            pairs are left out before, cleaned/ where they are after.
        files: split → its files; `train` and `valid` are needed, `test`, `test1` … may follow.
        options: see `PairOptions`.
        binarise: `bindings.binarize.PAIR`.
        workers: processes.
        say: shows a line to the user.

    Returns:
        Whether anything was done.

    Raises:
        DataError: files are missing, mismatched, empty or badly encoded; the disk is full.
    """
    with opened(folder, options, workers, say) as pipeline:
        return run_stages(pipeline, files, options, binarise)


def opened(folder: Path, options: PairOptions, workers: int, say: Say) -> Pipeline:
    """The folder's pipeline; see `prepare`."""
    if workers < 1:
        raise ConfigError(f"--workers {workers} must be at least 1")
    chosen = {**asdict(options), "moses": bool(options.moses)}
    about = {"kind": "pair", "languages": list(options.languages), "options": chosen}
    return Pipeline(folder, about, say, workers)


def run_stages(
    pipeline: Pipeline, files: Mapping[str, Parts], options: PairOptions, binarise: Binarise,
    earlier: Sequence[Stage] = (), checked: Callable[[], None] = lambda: None,
) -> bool:
    """`prepare` in a pipeline that is open.

    Args:
        earlier: stages that made the files, which have run.
        checked: called when all files are checked, before the long work.
    """
    made = _Preparation(pipeline, files, options, binarise)
    checks = list(made.checks())
    done = [pipeline.run(stage) for stage in checks]
    checked()
    stages = made.stages()
    done += [pipeline.run(stage) for stage in stages]
    pipeline.keep_only([*earlier, *checks, *stages])
    return any(done)


class _Preparation:
    """The stages of one call, in their order."""

    def __init__(
        self, pipeline: Pipeline, files: Mapping[str, Parts], options: PairOptions, binarise: Binarise
    ) -> None:
        self.folder, self.files = pipeline.folder, files
        self.options, self.binarise = options, binarise
        self.tokens = {split: self._beside("tokens", split) for split in files}
        self.cut = {split: self._beside("subwords", split) for split in files} if options.merges else self.tokens
        self.ready = {**self.cut, **({"train": self._beside("cleaned", "train")} if options.cleans else {})}

    def checks(self) -> Iterator[Stage]:
        """Reads all files."""
        for split, parts in self.files.items():
            for number, pair in enumerate(parts):
                yield self._check(split, pair, f" {pair[0].name}" if len(parts) > 1 else "", number)

    def stages(self) -> list[Stage]:
        """What follows."""
        sources = {split: self._sources(split) for split in self.files}
        repeated: list[Stage] = []
        if self.options.duplicates == "drop":
            repeated = self._repeated(sources["train"])
            sources["train"] = self._beside("unique", "train")
        return [*repeated, *self._tokenise(sources), *self._subwords(), *self._clean(), *self._binarise()]

    def _beside(self, name: str, split: str) -> Pair:
        source, target = (self.folder / name / f"{split}.{language}" for language in self.options.languages)
        return source, target

    def _drops(self, split: str) -> bool:
        return self.options.empty == "drop" and not split.startswith("test")

    def _copies(self, split: str, number: int) -> Pair:
        return self._beside("checked", f"{split}{number or ''}")

    def _check(self, split: str, pair: Pair, which: str, number: int) -> Stage:
        copies = self._copies(split, number) if self._drops(split) else None
        empty = "keep" if split.startswith("test") else self.options.empty
        name = f"check {split}{which}"
        return Stage(name, pair, copies or (), {"empty": empty}, lambda run: check_pair(pair, empty, copies, run, name))

    def _sources(self, split: str) -> tuple[Source, Source]:
        """What is tokenised: the files, or the copies without empty lines; several of them as one."""
        parts: Sequence[Pair] = self.files[split]
        if self._drops(split):
            parts = [self._copies(split, number) for number in range(len(parts))]
        if len(parts) == 1:
            return parts[0]
        return Chain(tuple(pair[0] for pair in parts)), Chain(tuple(pair[1] for pair in parts))

    def _repeated(self, sources: tuple[Source, Source]) -> list[Stage]:
        targets = self._beside("unique", "train")
        prints, marks = (self.folder / "unique" / name for name in ("fingerprints", "repeated"))
        inputs = paths_of(sources)
        return [
            Stage("fingerprints train", inputs, [prints], {},
                  lambda run: duplicates.fingerprint(sources, prints, run, "fingerprints train")),
            Stage("repeated train", [prints], [marks], {}, lambda run: duplicates.mark_repeated(prints, marks)),
            Stage("unique train", [*inputs, marks], targets, {},
                  lambda run: duplicates.keep_first(sources, marks, targets, run, "unique train")),
        ]  # fmt: skip

    def _tokenise(self, sources: Mapping[str, tuple[Source, Source]]) -> Iterator[Stage]:
        for split, pair in sources.items():
            for source, made, language in zip(pair, self.tokens[split], self.options.languages, strict=True):
                yield self._tokenise_one(source, made, language)

    def _tokenise_one(self, source: Source, made: Path, language: str) -> Stage:
        options = self.options
        work: tokenise.TokeniseBlock | moses.MosesBlock
        if options.moses:
            work = moses.find(Path(options.moses), language, options.lowercase)
            chosen = {"language": language, "lowercase": options.lowercase, "perl Moses": work.checksum}
        else:
            work = tokenise.TokeniseBlock(language, options.lowercase, options.tokenise)
            chosen = {**asdict(work), **_version("sacremoses", options.tokenise)}
        name = f"tokenise {made.name}"
        return Stage(name, paths_of([source]), [made], chosen,
                     lambda run: tokenise.tokenise_file(source, made, work, run))

    def _subwords(self) -> Iterator[Stage]:
        options = self.options
        if not options.merges:
            return
        codes, train = self.folder / options.codes, self.tokens["train"]
        by_pieces = options.pieces == "wordpiece"
        version = _version("sentencepiece" if by_pieces else "subword-nmt")
        chosen = {"merges": options.merges, **version, **({"candidates": wordpiece.SEEDS} if by_pieces else {})}
        learner = wordpiece.learn if by_pieces else bpe.learn

        def learn(run: Run) -> Counts:
            return learner(bpe.count_words(train, run.workers, "count words"), options.merges, codes)

        yield Stage("learn subwords", train, [codes], chosen, learn)
        for split, pair in self.tokens.items():
            for source, made in zip(pair, self.cut[split], strict=True):
                yield self._cut(source, made, codes, version)

    def _cut(self, source: Path, made: Path, codes: Path, version: Mapping[str, str]) -> Stage:
        def work(run: Run) -> Counts:
            return bpe.apply_to_file(source, made, bpe.CutBlock(codes, sha256(codes), self.options.pieces), run)

        return Stage(f"subwords {made.name}", [source, codes], [made], version, work)

    def _clean(self) -> Iterator[Stage]:
        if self.options.cleans:
            block = CleanBlock(self.options.longest, self.options.ratio)
            sources, made = self.cut["train"], self.ready["train"]
            yield Stage("clean train", sources, made, asdict(block),
                        lambda run: clean_pair(sources, made, block, run, "clean train"))

    def _binarise(self) -> Iterator[Stage]:
        data_bin, languages = self.folder / DATA_BIN, self.options.languages
        dictionaries = [data_bin / f"dict.{language}.txt" for language in languages]
        yield self._dictionary(self.ready["train"], dictionaries)
        for split, pair in self.ready.items():
            for source, language, dictionary in zip(pair, languages, dictionaries, strict=True):
                prefix = f"{split}.{'-'.join(languages)}.{language}"
                yield self._encode(source, dictionary, data_bin / f"{prefix}.bin", data_bin / f"{prefix}.idx")

    def _dictionary(self, train: Pair, dictionaries: Sequence[Path]) -> Stage:
        joined = self.options.joined_dictionary

        def work(run: Run) -> Counts:
            counts = [bpe.count_words([file], run.workers, f"count pieces of {file.name}") for file in train]
            if joined:
                counts = [counts[0] + counts[1]] * 2
            types = [self.binarise.dictionary(*one) for one in zip(counts, dictionaries, strict=True)]
            return {"types": types[0]} if joined else {"source_types": types[0], "target_types": types[1]}

        return Stage("dictionary", train, dictionaries, {"joined_dictionary": joined}, work)

    def _encode(self, source: Path, dictionary: Path, data: Path, index: Path) -> Stage:
        def work(run: Run) -> Counts:
            return self.binarise.encode(source, dictionary, data, index, run)

        return Stage(f"binarise {source.name}", [source, dictionary], [data, index], {}, work)


def _version(package: str, used: bool = True) -> dict[str, str]:
    """The version of a package as an option: another one does the work over."""
    return {package: package_version(package) or "?"} if used else {}
