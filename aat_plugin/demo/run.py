"""The demo's run: grammar → fairseq-preprocess → fairseq-hydra-train → fairseq-generate → BLEU beside two baselines.

It types the commands that a user would type, shows them, and keeps what each prints in `logs/`. Everything lies below
one folder; a finished step is not done again (its marker says with which command), training goes on from its last
checkpoint. Only BLEU's package is imported, and fairseq runs in processes of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aat_plugin.demo import baselines, corpus
from aat_plugin.errors import AatError

SEED = 1
DICTIONARY_PAIRS = 6000  # enough for the dictionary to stop changing, and a matter of seconds
Say = Callable[[str], None]


class DemoError(AatError):
    """A step of the demo failed; the text names it and its log."""


@dataclass(frozen=True)
class Places:
    """Where the demo keeps what."""

    root: Path

    @property
    def text(self) -> Path:
        """The corpus: train, valid, test as .en, .de, .trees."""
        return self.root / "text"

    @property
    def data_bin(self) -> Path:
        """The corpus as fairseq reads it."""
        return self.root / "data-bin"

    @property
    def checkpoints(self) -> Path:
        """What training saves."""
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        """One file a step, and the steps' markers."""
        return self.root / "logs"

    @property
    def results(self) -> Path:
        """The scores."""
        return self.root / "results.json"


def run(root: Path, user_dir: Path, conf_dir: Path, overrides: Sequence[str], say: Say) -> dict[str, float]:
    """The whole demo.

    Args:
        root: the folder that everything lies in.
        user_dir, conf_dir: the plugin's folder and the configs', as `aat user-dir` and `aat conf-dir` print them.
        overrides: Hydra overrides of conf/demo_translation.yaml, such as `optimization.max_update=100`.
        say: shows a line to the user.

    Returns:
        BLEU on the test set of `model`, `dictionary` and `copy`; also in `results.json`.

    Raises:
        DemoError: a step failed.
    """
    places = Places(root)
    places.logs.mkdir(parents=True, exist_ok=True)
    _make_corpus(places, say)
    _step(places, "preprocess", preprocess_command(places), say)
    train = train_command(places, conf_dir, overrides)
    _step(places, "train", train, say, follow="train_inner")
    _step(places, "generate", generate_command(places, user_dir), say, after=" ".join(train))
    scores = score(places)
    places.results.write_text(json.dumps({"bleu": scores}, indent=2) + "\n", encoding="utf-8")
    return scores


def preprocess_command(places: Places) -> list[str]:
    """Binarise with one dictionary for both languages, as the paper shares its embeddings (Section 3.4)."""
    files = [f"--{name}pref={places.text / name}" for name in ("train", "valid", "test")]
    languages = ["--source-lang", "en", "--target-lang", "de"]
    return ["fairseq-preprocess", *languages, *files, "--destdir", str(places.data_bin), "--joined-dictionary"]


def train_command(places: Places, conf_dir: Path, overrides: Sequence[str]) -> list[str]:
    """Train by conf/demo_translation.yaml."""
    paths = [f"task.data={places.data_bin}", f"checkpoint.save_dir={places.checkpoints}"]
    experiment = ["--config-dir", str(conf_dir), "--config-name", "demo_translation"]
    return ["fairseq-hydra-train", *experiment, *paths, *overrides]


def generate_command(places: Places, user_dir: Path) -> list[str]:
    """Translate the test set with the paper's search (Section 6.1): beam 4, α 0.6, at most |x| + 50 words."""
    search = ["--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50"]
    model = ["--path", str(places.checkpoints / "checkpoint_last.pt"), "--task", "aat_translation"]
    languages = ["--source-lang", "en", "--target-lang", "de", "--max-tokens", "4000", "--cpu"]
    return ["fairseq-generate", str(places.data_bin), "--user-dir", str(user_dir), *model, *languages, *search]


def score(places: Places) -> dict[str, float]:
    """BLEU of the model's translations and of the two baselines, on the test set's words as they stand."""
    sources, references = _lines(places.text / "test.en"), _lines(places.text / "test.de")
    known, meant = (_lines(places.text / f"train.{language}")[:DICTIONARY_PAIRS] for language in ("en", "de"))
    systems = {
        "model": hypotheses((places.logs / "generate.log").read_text(encoding="utf-8"), len(sources)),
        "dictionary": baselines.word_for_word(sources, baselines.dictionary(known, meant)),
        "copy": baselines.copy(sources),
    }
    return {name: round(bleu(translations, references), 2) for name, translations in systems.items()}


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of text that is split into words already."""
    import sacrebleu

    return float(sacrebleu.corpus_bleu(translations, [references], tokenize="none", force=True).score)


def hypotheses(generated: str, num: int) -> list[str]:
    """The best hypothesis of each sentence, in the order of the test set, from fairseq-generate's `H-` lines.

    Raises:
        DemoError: a sentence is missing.
    """
    found: dict[int, str] = {}
    for line in generated.splitlines():
        if line.startswith("H-"):
            name, _, words = line.split("\t", 2)
            found.setdefault(int(name.removeprefix("H-")), words)
    missing = [index for index in range(num) if index not in found]
    if missing:
        raise DemoError(f"fairseq-generate left out {len(missing)} of {num} sentences, first number {missing[0]}")
    return [found[index] for index in range(num)]


def _make_corpus(places: Places, say: Say) -> None:
    marker = places.logs / "corpus.done"
    state = f"seed {SEED}, sizes {dict(corpus.SPLITS)}"
    if _is_done(marker, state):
        say("corpus: there already")
        return
    made = corpus.write_corpus(places.text, SEED)
    marker.write_text(state, encoding="utf-8")
    say(f"corpus: {', '.join(f'{len(examples)} {name}' for name, examples in made.items())} pairs, such as")
    for example in made["test"][:2]:
        say(f"  {example.source}\n  {example.target}")


def _is_done(marker: Path, state: str) -> bool:
    return marker.is_file() and marker.read_text(encoding="utf-8") == state


def _step(places: Places, name: str, command: list[str], say: Say, *, follow: str = "", after: str = "") -> None:
    """Run one command, unless its marker says that the same one (after the same one before it) has finished.

    Args:
        follow: lines of its output that hold this word are shown as they come.
        after: the command whose result it uses, which makes it stale when it changes.
    """
    marker, log = places.logs / f"{name}.done", places.logs / f"{name}.log"
    state = f"{shlex.join(command)}\n{after}"
    if _is_done(marker, state):
        say(f"{name}: done already")
        return
    say(f"$ {shlex.join(command)}")
    started = time.monotonic()
    status = _logged(command, log, follow, say)
    if status != 0:
        raise DemoError(f"{name} ended with status {status}: {_last_line(log)} (all of it: {log})")
    marker.write_text(state, encoding="utf-8")
    say(f"{name}: {time.monotonic() - started:.0f} s")


def _logged(command: list[str], log: Path, follow: str, say: Say) -> int:
    """Run a console script of this environment, its output to `log`; the lines to follow are shown in short."""
    program = Path(sys.executable).parent / command[0]
    # One thread: two would be quicker on an idle machine alone, and sums in another order would give another score.
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            [str(program), *command[1:]],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
        ) as process,
    ):
        for line in process.stdout or ():
            file.write(line)
            if follow and follow in line:
                say(f"  {progress(line)}")
    return process.returncode


def progress(line: str) -> str:
    """Update, perplexity and speed, out of a line of fairseq's log in its simple format."""
    words = (word.strip(",") for word in line.split())
    found = dict(word.split("=", 1) for word in words if "=" in word)
    update, perplexity, speed = (found.get(name, "?") for name in ("num_updates", "ppl", "wps"))
    return f"update {update}: perplexity {perplexity}, {speed} words/s"


def _last_line(log: Path) -> str:
    lines = [line for line in _lines(log) if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()
