"""The demo's run: grammar → prepare → train → average → generate → score, by the commands that a user would type.

Its second half learns to parse (`parsing`). Everything lies below one folder; a finished step is not done again,
training goes on from its last checkpoint. fairseq runs in processes of its own. `results.demo_page` makes a page of
what is found here; read `steps` for how steps run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.demo import baselines, corpus, parsing
from aat_plugin.demo.steps import DemoError, Say, Steps, printed_json

SEED = 1
DICTIONARY_PAIRS = 6000  # enough for the dictionary to stop changing, and a matter of seconds
MERGES = 1000  # of byte-pair encoding
AVERAGED = 5  # checkpoints, as for the paper's base models (Section 6.1)
SAMPLES = 6
SYSTEMS = ("model", "dictionary", "copy")


@dataclass(frozen=True)
class Places:
    """Where the demo keeps what."""

    root: Path

    @property
    def text(self) -> Path:
        """The corpus: train, valid, test as .en, .de, .trees."""
        return self.root / "text"

    @property
    def data(self) -> Path:
        """The corpus tokenised, split into subwords and binarised."""
        return self.root / "data"

    @property
    def checkpoints(self) -> Path:
        """What training saves."""
        return self.root / "checkpoints"

    @property
    def averaged(self) -> Path:
        """The mean of the last checkpoints."""
        return self.root / "averaged.pt"

    @property
    def logs(self) -> Path:
        """One file a step, and the steps' markers."""
        return self.root / "logs"

    def translations(self, system: str) -> Path:
        """Where a system's translations of the test set are: fairseq-generate's output, or plain lines."""
        return self.logs / "generate.log" if system == "model" else self.root / f"{system}.de"

    @property
    def parser(self) -> parsing.ParsingPlaces:
        """The second half's."""
        return parsing.ParsingPlaces(self.root, self.text)


@dataclass(frozen=True)
class Outcome:
    """What the demo found.

    Attributes:
        places: where everything lies.
        translation: `bleu` of the model and `dictionary_bleu`, `copy_bleu` beside it, the score's `signature`, and the
            number of test `sentences`.
        samples: (source, reference, dictionary's, model's) of a few test sentences.
        parsing: see `parsing.run`.
        tree: (the model's, the gold one) of a test sentence, in brackets.
        commands: what was typed.
        seconds: step → how long it took.
    """

    places: Places
    translation: dict[str, Any]
    samples: list[tuple[str, str, str, str]]
    parsing: dict[str, Any]
    tree: tuple[str, str]
    commands: list[str]
    seconds: dict[str, float]


def run(root: Path, user_dir: Path, conf_dir: Path, overrides: Sequence[str], say: Say) -> Outcome:
    """The whole demo.

    Args:
        root: the folder that everything lies in.
        user_dir, conf_dir: the plugin's folder and the configs', as `aat user-dir` and `aat conf-dir` print them.
        overrides: Hydra overrides of both trainings' configs, such as `optimization.max_update=100`.
        say: shows a line to the user.

    Raises:
        DemoError: a step failed.
    """
    places = Places(root)
    places.logs.mkdir(parents=True, exist_ok=True)
    steps = Steps(places.logs, say)
    steps.make("corpus", f"the grammar's corpus, seed {SEED}, sizes {dict(corpus.SPLITS)}", _corpus(places))
    steps.run("prepare", prepare_command(places))
    steps.run("train", train_command(places, conf_dir, overrides), follow="train_inner")
    steps.run("average", average_command(places))
    steps.run("generate", generate_command(places, user_dir))
    steps.make("baselines", f"baselines from {DICTIONARY_PAIRS} pairs", _baselines(places))
    for system in SYSTEMS:
        steps.run(f"score-{system}", score_command(places, system))
    scores = {system: printed_json(steps.log(f"score-{system}")) for system in SYSTEMS}
    # The corpus alone comes before the parser's steps: what changed in the translation leaves them done.
    parser = Steps(places.logs, say, typed=steps.typed[:1])
    parsed = parsing.run(parser, places.parser, conf_dir, overrides)
    return Outcome(
        places, _translation(places, scores), _samples(places), parsed, parsing.drawn(places.parser),
        steps.typed + parser.typed[1:], steps.seconds | parser.seconds,
    )


def prepare_command(places: Places) -> list[str]:
    """Tokenise, learn and apply subwords, binarise with one dictionary for both languages (Section 3.4)."""
    files = [
        word for split in ("train", "valid", "test")
        for word in (f"--{split}", *(str(places.text / f"{split}.{language}") for language in ("en", "de")))
    ]  # fmt: skip
    return ["aat", "prepare", "pair", *files, "--bpe", str(MERGES), "-o", str(places.data)]


def train_command(places: Places, conf_dir: Path, overrides: Sequence[str]) -> list[str]:
    """Train by conf/demo_translation.yaml."""
    paths = [f"task.data={places.data / 'data-bin'}", f"checkpoint.save_dir={places.checkpoints}"]
    experiment = ["--config-dir", str(conf_dir), "--config-name", "demo_translation"]
    return ["fairseq-hydra-train", *experiment, *paths, *overrides]


def average_command(places: Places) -> list[str]:
    """Average the last checkpoints by update."""
    return ["aat", "average", "--last", str(AVERAGED), str(places.checkpoints), "-o", str(places.averaged)]


def generate_command(places: Places, user_dir: Path) -> list[str]:
    """Translate the test set with the paper's search (Section 6.1): beam 4, α 0.6, at most |x| + 50 words."""
    search = ["--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50"]
    model = ["--path", str(places.averaged), "--task", "aat_translation", "--remove-bpe"]
    languages = ["--source-lang", "en", "--target-lang", "de", "--max-tokens", "4000", "--cpu"]
    return ["fairseq-generate", str(places.data / "data-bin"), "--user-dir", str(user_dir), *model, *languages, *search]


def score_command(places: Places, system: str) -> list[str]:
    """BLEU of one system against the references as text."""
    files = ["--hyp", str(places.translations(system)), "--ref", str(places.text / "test.de")]
    return ["aat", "score", "bleu", "--protocol", "sacrebleu", "--lang", "de", *files, "--json"]


def _corpus(places: Places) -> Callable[[], str]:
    def make() -> str:
        made = corpus.write_corpus(places.text, SEED, corpus.SPLITS)
        pairs = ", ".join(f"{len(examples)} {name}" for name, examples in made.items())
        shown = "\n".join(f"  {example.source}\n  {example.target}" for example in made["test"][:2])
        return f"corpus: {pairs} pairs, such as\n{shown}"

    return make


def _baselines(places: Places) -> Callable[[], str]:
    def make() -> str:
        sources = _lines(places.text / "test.en")
        known, meant = (_lines(places.text / f"train.{language}")[:DICTIONARY_PAIRS] for language in ("en", "de"))
        made = {
            "dictionary": baselines.word_for_word(sources, baselines.dictionary(known, meant)),
            "copy": baselines.copy(sources),
        }
        for name, translations in made.items():
            places.translations(name).write_text("".join(f"{line}\n" for line in translations), encoding="utf-8")
        return "baselines: a word-for-word dictionary made from the training pairs, and copying the source"

    return make


def _translation(places: Places, scores: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "bleu": round(scores["model"]["score"], 2),
        "dictionary_bleu": round(scores["dictionary"]["score"], 2),
        "copy_bleu": round(scores["copy"]["score"], 2),
        "signature": scores["model"]["signature"],
        "sentences": len(_lines(places.text / "test.de")),
    }


def _samples(places: Places) -> list[tuple[str, str, str, str]]:
    """Some test sentences, evenly spread, with what was made of them."""
    sources, references = _lines(places.text / "test.en"), _lines(places.text / "test.de")
    word_for_word = _lines(places.translations("dictionary"))
    model = hypotheses(places.translations("model").read_text(encoding="utf-8"), len(sources))
    chosen = range(0, len(sources), max(1, len(sources) // SAMPLES))
    return [(sources[n], references[n], word_for_word[n], model[n]) for n in chosen][:SAMPLES]


def hypotheses(generated: str, num: int) -> list[str]:
    """The best hypothesis of each sentence as text, in the order of the test set, from fairseq-generate's `D-` lines.

    Raises:
        DemoError: a sentence is missing.
    """
    found: dict[int, str] = {}
    for line in generated.splitlines():
        if line.startswith("D-"):
            name, _, words = line.split("\t", 2)
            found.setdefault(int(name.removeprefix("D-")), words)
    missing = [index for index in range(num) if index not in found]
    if missing:
        raise DemoError(f"fairseq-generate left out {len(missing)} of {num} sentences, first number {missing[0]}")
    return [found[index] for index in range(num)]


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
