"""`aat prepare pair`: two aligned text files for each split become tokens, subwords and fairseq's data-bin.

Stages, each done once (`stages`): check, tokenise, learn subwords, apply them, count the dictionary, binarise. The last
two write fairseq's formats and are handed in. All stream: memory does not grow with the number of lines, only with the
number of different words. Read `tokenise` and `bpe` for what happens to a line.

From Python:

    from aat_plugin.bindings import binarize
    from aat_plugin.corpora import pairs
    files = {"train": (Path("train.en"), Path("train.de")), "valid": (Path("dev.en"), Path("dev.de"))}
    pairs.prepare(Path("data"), files, pairs.PairOptions("en", "de"), binarize.PAIR, workers=2, say=print)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from aat_plugin.corpora import bpe, tokenise
from aat_plugin.corpora.files import sha256
from aat_plugin.corpora.manifest import package_version
from aat_plugin.corpora.pair_check import Pair, check_pair
from aat_plugin.corpora.stages import Counts, Pipeline, Say, Stage
from aat_plugin.corpora.streams import Run
from aat_plugin.errors import ConfigError, choose

EMPTY = ("refuse", "drop", "keep")
CODES = "bpecodes"
DATA_BIN = "data-bin"


@dataclass(frozen=True)
class PairOptions:
    """What decides the outcome, besides the files.

    Attributes:
        source_lang, target_lang: codes such as `en` and `de`.
        merges: of byte-pair encoding; 0 leaves whole words.
        lowercase: lower-case everything first.
        tokenise: False for text that is tokenised already.
        joined_dictionary: one dictionary for both languages, as the paper shares its embeddings (Section 3.4).
        empty: what to do with a training or validation pair that has an empty side.
    """

    source_lang: str
    target_lang: str
    merges: int = 10_000
    lowercase: bool = False
    tokenise: bool = True
    joined_dictionary: bool = True
    empty: str = "refuse"

    def __post_init__(self) -> None:
        if self.merges < 0:
            raise ConfigError(f"--bpe {self.merges} must be at least 0 (0 leaves whole words)")
        for option, language in (("-s", self.source_lang), ("-t", self.target_lang)):
            if not language.replace("_", "").isalnum():
                raise ConfigError(f"{option} {language!r} is no language code such as en; fairseq names files by it")
        if self.source_lang == self.target_lang:
            raise ConfigError(f"both languages are '{self.source_lang}'; give -s and -t")
        choose("--empty", self.empty, EMPTY)

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source_lang, self.target_lang


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
    folder: Path, files: Mapping[str, Pair], options: PairOptions, binarise: Binarise, workers: int, say: Say
) -> bool:
    """Run the stages that are not done yet.

    Args:
        folder: where all of it lies: checked/ (only where pairs are dropped), tokens/, subwords/, data-bin/, bpecodes,
            manifest.json.
        files: split → its two files; `train` and `valid` are needed, `test`, `test1` … may follow.
        options: see `PairOptions`.
        binarise: `bindings.binarize.PAIR`.
        workers: processes.
        say: shows a line to the user.

    Returns:
        Whether anything was done.

    Raises:
        DataError: files are missing, mismatched, empty or badly encoded; the disk is full.
    """
    if workers < 1:
        raise ConfigError(f"--workers {workers} must be at least 1")
    about = {"kind": "pair", "languages": list(options.languages), "options": asdict(options)}
    with Pipeline(folder, about, say, workers) as pipeline:
        return _Preparation(pipeline, files, options, binarise).run()


class _Preparation:
    """The stages of one call, in their order."""

    def __init__(
        self, pipeline: Pipeline, files: Mapping[str, Pair], options: PairOptions, binarise: Binarise
    ) -> None:
        self.pipeline, self.folder, self.files = pipeline, pipeline.folder, files
        self.options, self.binarise = options, binarise

    def run(self) -> bool:
        """All stages; whether one of them was not done already."""
        tokens = {split: self._beside("tokens", split) for split in self.files}
        ready = {split: self._beside("subwords" if self.options.merges else "tokens", split) for split in self.files}
        checks = [self._check(split, pair) for split, pair in self.files.items()]  # all files, before the long work
        stages = [*checks, *self._tokenise(tokens), *self._subwords(tokens, ready), *self._binarise(ready)]
        done = [self.pipeline.run(stage) for stage in stages]
        self.pipeline.keep_only(stages)
        return any(done)

    def _beside(self, name: str, split: str) -> Pair:
        source, target = (self.folder / name / f"{split}.{language}" for language in self.options.languages)
        return source, target

    def _drops(self, split: str) -> bool:
        return self.options.empty == "drop" and not split.startswith("test")

    def _check(self, split: str, pair: Pair) -> Stage:
        copies = self._beside("checked", split) if self._drops(split) else None
        empty = "keep" if split.startswith("test") else self.options.empty
        name = f"check {split}"
        return Stage(name, pair, copies or (), {"empty": empty}, lambda run: check_pair(pair, empty, copies, run, name))

    def _tokenise(self, tokens: Mapping[str, Pair]) -> Iterator[Stage]:
        for split, raw in self.files.items():
            sources = self._beside("checked", split) if self._drops(split) else raw
            for source, made, language in zip(sources, tokens[split], self.options.languages, strict=True):
                yield self._tokenise_one(source, made, language)

    def _tokenise_one(self, source: Path, made: Path, language: str) -> Stage:
        work = tokenise.TokeniseBlock(language, self.options.lowercase, self.options.tokenise)
        chosen = {**asdict(work), **_version("sacremoses", self.options.tokenise)}
        name = f"tokenise {made.name}"
        return Stage(name, [source], [made], chosen, lambda run: tokenise.tokenise_file(source, made, work, run))

    def _subwords(self, tokens: Mapping[str, Pair], ready: Mapping[str, Pair]) -> Iterator[Stage]:
        if not self.options.merges:
            return
        codes, train = self.folder / CODES, tokens["train"]
        version = _version("subword-nmt")

        def learn(run: Run) -> Counts:
            counts = bpe.count_words(train, run.workers, "count words")
            return bpe.learn(counts, self.options.merges, codes)

        yield Stage("learn subwords", train, [codes], {"merges": self.options.merges, **version}, learn)
        for split, pair in tokens.items():
            for source, made in zip(pair, ready[split], strict=True):
                yield self._cut(source, made, codes, version)

    def _cut(self, source: Path, made: Path, codes: Path, version: Mapping[str, str]) -> Stage:
        def work(run: Run) -> Counts:
            return bpe.apply_to_file(source, made, bpe.CutBlock(codes, sha256(codes)), run)

        return Stage(f"subwords {made.name}", [source, codes], [made], version, work)

    def _binarise(self, ready: Mapping[str, Pair]) -> Iterator[Stage]:
        data_bin, languages = self.folder / DATA_BIN, self.options.languages
        dictionaries = [data_bin / f"dict.{language}.txt" for language in languages]
        yield self._dictionary(ready["train"], dictionaries)
        for split, pair in ready.items():
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
