"""`aat prepare pair`: two aligned text files for each split become tokens, subwords and fairseq's data-bin.

Stages, each done once (`stages`): check, tokenise, learn subwords, apply them, binarise. The last needs fairseq and is
handed in. All stream: memory does not grow with the number of lines, but for the words' counts and 8 bytes a line while
a mismatch is looked for. Read `tokenise` and `bpe` for what happens to a line.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from math import log
from pathlib import Path
from statistics import median

from aat_plugin.corpora import bpe, tokenise
from aat_plugin.corpora.files import iterate_lines, replacing
from aat_plugin.corpora.progress import Progress
from aat_plugin.corpora.stages import Counts, Pipeline, Say, Stage
from aat_plugin.errors import ConfigError, DataError, choose

SPLITS = ("train", "valid", "test")
EMPTY = ("refuse", "drop", "keep")
CODES = "bpecodes"
DATA_BIN = "data-bin"
Pair = tuple[Path, Path]


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
        if self.source_lang == self.target_lang:
            raise ConfigError(f"both languages are '{self.source_lang}'; give -s and -t")
        choose("--empty", self.empty, EMPTY)

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target."""
        return self.source_lang, self.target_lang


@dataclass(frozen=True)
class Binarise:
    """How fairseq's data-bin is made: `outputs` says which files, `make(prefixes, folder)` makes them.

    Prefixes are split → path without the language's suffix.
    """

    outputs: Callable[[PairOptions, tuple[str, ...]], list[str]]
    make: Callable[[PairOptions, Mapping[str, Path], Path, int], Counts]


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
        folder: where all of it lies: checked/ (only where pairs were dropped), tokens/, subwords/, data-bin/, bpecodes,
            manifest.json.
        files: split → its two files; `train` and `valid` are needed.
        options: see `PairOptions`.
        binarise: `bindings.binarize.PAIR`.
        workers: processes.
        say: shows a line to the user.

    Returns:
        Whether anything was done.

    Raises:
        DataError: files are missing, mismatched, empty or badly encoded; the disk is full.
    """
    about = {"kind": "pair", "languages": list(options.languages), "options": asdict(options)}
    pipeline = Pipeline(folder, about, say)
    for name in ("checked", "tokens", "subwords"):
        (folder / name).mkdir(exist_ok=True)
    done = [pipeline.run(_check(folder, split, pair, options)) for split, pair in files.items()]
    checked = {split: _checked_pair(folder, split, pair, options) for split, pair in files.items()}
    tokens = {split: _beside(folder / "tokens", split, options) for split in files}
    for split in files:
        for raw, made, language in zip(checked[split], tokens[split], options.languages, strict=True):
            done.append(pipeline.run(_tokenise(raw, made, language, options, workers)))
    ready = tokens
    if options.merges:
        codes = folder / CODES
        ready = {split: _beside(folder / "subwords", split, options) for split in files}
        done.append(pipeline.run(_learn(tokens["train"], codes, options, workers)))
        for split in files:
            for raw, made in zip(tokens[split], ready[split], strict=True):
                done.append(pipeline.run(_apply(raw, made, codes, workers)))
    done.append(pipeline.run(_binarise(folder, ready, options, binarise, workers)))
    return any(done)


def _beside(folder: Path, split: str, options: PairOptions) -> Pair:
    return folder / f"{split}.{options.source_lang}", folder / f"{split}.{options.target_lang}"


def _checked_pair(folder: Path, split: str, pair: Pair, options: PairOptions) -> Pair:
    """What later stages read: the user's files, or copies without the pairs that were dropped."""
    return _beside(folder / "checked", split, options) if _drops(split, options) else pair


def _drops(split: str, options: PairOptions) -> bool:
    return options.empty == "drop" and split != "test"


def _check(folder: Path, split: str, pair: Pair, options: PairOptions) -> Stage:
    outputs = _checked_pair(folder, split, pair, options) if _drops(split, options) else ()

    def work() -> Counts:
        with Progress(f"check {split}") as progress:
            return check_pair(pair, "keep" if split == "test" else options.empty, outputs or None, progress)

    return Stage(f"check {split}", pair, outputs, {"empty": options.empty}, work)


def check_pair(pair: Pair, empty: str, copies: Pair | None, progress: Progress) -> dict[str, int]:
    """Read two files side by side.

    Args:
        pair: the files.
        empty: `refuse`, `drop` (needs `copies`) or `keep` pairs with an empty side.
        copies: where to write the pairs that stay.
        progress: is advanced a line at a time.

    Returns:
        `lines`, and `dropped` where pairs were.

    Raises:
        DataError: the files differ in length, hold nothing, or have an empty line that may not stay.
    """
    costs = array("d")
    counts = [0, 0]
    bad = 0
    first_bad = ""
    with _Copies(copies) as write:
        for number, both in enumerate(zip_longest(iterate_lines(pair[0]), iterate_lines(pair[1])), start=1):
            progress.advance()
            counts = [count + (line is not None) for count, line in zip(counts, both, strict=True)]
            if None in both:
                continue
            texts = [tokenise.clean(line) for line in both]
            costs.append(log((len(texts[0]) + 8) / (len(texts[1]) + 8)))
            blank = next((side for side, text in enumerate(texts) if not text.strip()), None)
            if blank is not None:
                bad += 1
                first_bad = first_bad or f"{pair[blank]}:{number}"
            if blank is None or empty == "keep":
                write(both)
    if counts[0] != counts[1]:
        raise _mismatched(pair, counts, costs)
    if not counts[0]:
        raise DataError(f"{pair[0]} and {pair[1]} are empty; check the paths")
    if bad and empty == "refuse":
        more = f" and {bad - 1} more like it" if bad > 1 else ""
        raise DataError(f"{first_bad}: an empty line{more}; mend it, or give --empty drop (leave them out) or keep")
    return {"lines": counts[0], **({"dropped": bad} if empty == "drop" else {})}


class _Copies:
    """Two files to write pairs to, or nowhere."""

    def __init__(self, pair: Pair | None) -> None:
        self._open = [] if pair is None else [replacing(path) for path in pair]

    def __enter__(self) -> Callable[[tuple[str, ...]], None]:
        files = [one.__enter__() for one in self._open]

        def write(lines: tuple[str, ...]) -> None:
            for file, line in zip(files, lines, strict=False):
                file.write(line + "\n")

        return write

    def __exit__(self, *error: object) -> None:
        for one in self._open:
            one.__exit__(*error)  # type: ignore[arg-type]


def _mismatched(pair: Pair, counts: list[int], costs: array[float]) -> DataError:
    """Both counts, and the line from which on the lengths no longer fit each other."""
    line = suspicious_line(costs)
    return DataError(
        f"{pair[0]} has {counts[0]:,} lines and {pair[1]} has {counts[1]:,}; "
        f"they seem to part near line {line:,}: compare them there"
    )


def suspicious_line(costs: array[float]) -> int:
    """The line after which the log ratio of lengths strays from its median the most: where a line is missing.

    Before it, the ratio is near the median; after it, lines face others' translations. The change point is where the
    running sum of (|deviation| - its mean) is least.
    """
    if not costs:
        return 1
    usual = median(costs)
    strays = [abs(cost - usual) for cost in costs]
    mean = sum(strays) / len(strays)
    running, least, place = 0.0, 0.0, 0
    for index, stray in enumerate(strays, start=1):
        running += stray - mean
        if running < least:
            least, place = running, index
    return place + 1


def _tokenise(raw: Path, made: Path, language: str, options: PairOptions, workers: int) -> Stage:
    chosen = {"language": language, "lowercase": options.lowercase, "tokenise": options.tokenise}

    def work() -> Counts:
        with Progress(f"tokenise {made.name}") as progress:
            return tokenise.tokenise_file(
                raw, made, language, lowercase=options.lowercase, tokenise=options.tokenise, workers=workers,
                progress=progress,
            )  # fmt: skip

    return Stage(f"tokenise {made.name}", [raw], [made], chosen, work)


def _learn(train: Pair, codes: Path, options: PairOptions, workers: int) -> Stage:
    def work() -> Counts:
        with Progress("count words") as progress:
            counts = bpe.count_words(train, workers, progress)
        return bpe.learn(counts, options.merges, codes)

    return Stage("learn subwords", train, [codes], {"merges": options.merges}, work)


def _apply(raw: Path, made: Path, codes: Path, workers: int) -> Stage:
    def work() -> Counts:
        with Progress(f"subwords {made.name}") as progress:
            return bpe.apply_to_file(raw, made, codes, workers=workers, progress=progress)

    return Stage(f"subwords {made.name}", [raw, codes], [made], {}, work)


def _binarise(
    folder: Path, ready: Mapping[str, Pair], options: PairOptions, binarise: Binarise, workers: int
) -> Stage:
    data_bin = folder / DATA_BIN
    prefixes = {split: pair[0].with_name(split) for split, pair in ready.items()}
    inputs = [path for pair in ready.values() for path in pair]
    outputs = [data_bin / name for name in binarise.outputs(options, tuple(ready))]
    chosen = {"joined_dictionary": options.joined_dictionary}
    return Stage("binarise", inputs, outputs, chosen, lambda: binarise.make(options, prefixes, data_bin, workers))
