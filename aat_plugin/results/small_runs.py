"""One small training run for Table 3 or the what-ifs: train, translate the development set, score; resumable.

The commands are those that a user would type, each finished once (`demo.steps`); training goes on from its last
checkpoint. The last checkpoint is scored as it is: Table 3 averages nothing (Section 6.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.corpora.pairs import DATA_BIN
from aat_plugin.corpora.stages import read_manifest
from aat_plugin.demo.steps import Say, Steps, printed_json
from aat_plugin.errors import DataError
from aat_plugin.results import training_log

SEARCH = ("--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50")
"""Section 6.1."""
SPLIT = "valid"
SHORTEST_WARMUP = 200
"""Updates; the demo's own, at whose peak it trains safely (conf/recipe/aat_demo.yaml)."""


@dataclass(frozen=True)
class Corpus:
    """What all runs of a table are trained and scored on.

    Attributes:
        data: the folder that `aat prepare pair` made.
        reference: the development set's target side, raw text.
        languages: source and target.
    """

    data: Path
    reference: Path
    languages: tuple[str, str]

    @property
    def files(self) -> list[Path]:
        """What its hash is made of."""
        return [*sorted((self.data / DATA_BIN).glob("*.bin")), self.reference]


def corpus(data: Path, reference: Path) -> Corpus:
    """Check what was given.

    Raises:
        DataError: something is missing.
    """
    if not data.is_dir():
        raise DataError(f"{data} does not exist; make demo makes runs/demo/data, or give --data what aat prepare made")
    if not reference.is_file():
        raise DataError(f"{reference} does not exist; give --ref the raw target side of the {SPLIT} set")
    source, target = read_manifest(data)["languages"]
    return Corpus(data, reference, (str(source), str(target)))


@dataclass(frozen=True)
class Scored:
    """What a run found on the development set.

    Attributes:
        perplexity: of a subword, unsmoothed.
        bleu: sacreBLEU's, of raw text.
        signature: of that BLEU.
        curve: (update, perplexity of the development set) while it trained.
        seconds: of training.
        commands: what was typed.
    """

    perplexity: float
    bleu: float
    signature: str
    curve: list[tuple[int, float]]
    seconds: float
    commands: list[str]

    def to_json(self) -> dict[str, Any]:
        """For a run's results."""
        return {"perplexity": self.perplexity, "bleu": self.bleu, "signature": self.signature, "curve": self.curve,
                "seconds": self.seconds}  # fmt: skip


@dataclass(frozen=True)
class Folders:
    """The plugin's folder and the configs', as `aat user-dir` and `aat conf-dir` print them."""

    user_dir: Path
    conf_dir: Path


def train_and_score(folder: Path, experiment: str, overrides: Mapping[str, Any], on: Corpus, where: Folders, say: Say
                    ) -> Scored:  # fmt: skip
    """Do whatever of it is not done yet.

    Args:
        folder: everything of this run.
        experiment: a config of conf/, such as demo_translation.
        overrides: its keys to change.
        on: data.
        where: the plugin and its configs.
        say: shows a line to the user.

    Raises:
        DemoError: a step failed.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    steps = Steps(logs, say)
    checkpoints = folder / "checkpoints"
    paths = {"task.data": on.data / DATA_BIN, "checkpoint.save_dir": checkpoints, "task.source_lang": on.languages[0],
             "task.target_lang": on.languages[1]}  # fmt: skip
    words = [f"{key}={value}" for key, value in {**paths, **overrides}.items()]
    base = ["fairseq-hydra-train", "--config-dir", str(where.conf_dir), "--config-name", experiment]
    steps.run("train", [*base, *words], follow="train_inner")
    last = checkpoints / "checkpoint_last.pt"
    languages = ["--source-lang", on.languages[0], "--target-lang", on.languages[1]]
    data, split = str(on.data / DATA_BIN), ["--gen-subset", SPLIT]
    model = ["--user-dir", str(where.user_dir), "--path", str(last), "--task", "aat_translation", "--remove-bpe"]
    steps.run("generate", ["fairseq-generate", data, *model, *languages, *split, "--max-tokens", "4000", *SEARCH])
    score = ["aat", "score", "bleu", "--protocol", "sacrebleu", "--lang", on.languages[1], "--json"]
    steps.run("bleu", [*score, "--hyp", str(steps.log("generate")), "--ref", str(on.reference)])
    steps.run("perplexity", ["aat", "score", "ppl", str(last), "--data", data, "--split", SPLIT, "--json"])
    bleu, perplexity = printed_json(steps.log("bleu")), printed_json(steps.log("perplexity"))
    return Scored(float(perplexity["score"]), float(bleu["score"]), str(bleu["signature"]), curve(steps.log("train")),
                  round(steps.seconds["train"], 1), list(steps.typed))  # fmt: skip


def curve(log: Path) -> list[tuple[int, float]]:
    """(update, perplexity) of the development set, out of a training log."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return training_log.curve(training_log.records(lines), SPLIT, "ppl")


def overrides_for(budget: int, seed: int) -> dict[str, Any]:
    """What every run of a table shares: its length, a tenth of it warm-up, five validations, one checkpoint.

    The warm-up is never shorter than `SHORTEST_WARMUP`, as the peak rate grows when it shrinks; a budget below that
    only shows that the steps work.

    Args:
        budget: updates.
        seed: of everything random.
    """
    every = max(1, budget // 5)
    return {"optimization.max_update": budget, "common.seed": seed,
            "lr_scheduler.warmup_updates": max(SHORTEST_WARMUP, budget // 10),
            "checkpoint.save_interval_updates": every, "dataset.validate_interval_updates": every,
            "checkpoint.keep_interval_updates": 1, "common.log_interval": max(1, budget // 40)}  # fmt: skip


def commands_of(scored: Sequence[Scored]) -> list[str]:
    """Every command of several runs, in order."""
    return [command for one in scored for command in one.commands]
