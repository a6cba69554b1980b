"""All systems on one corpus: equal parameters and data, after equal updates and after equal wall time, one table.

    python scripts/compare_systems.py demo --out runs/systems
    python scripts/compare_systems.py multi30k --raw DIR --out runs/systems --minutes 12 --updates 1500

Each system is trained once. Its checkpoints up to `--updates` give the first figure, those up to `--minutes` of
training (validation and saving included) the second. Run again after a stop, it goes on where it was; what is done is
not done again. Wall times are no measure unless the machine is quiet. Search: beam 4, α 0.6, |x| + 50; stock fairseq's
model is also decoded by stock's generator. `results.json` and `table.md` below `--out` hold what was found.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.cli.paths import conf_dir, user_dir
from aat_plugin.demo import corpus
from aat_plugin.demo.run import MERGES, SEED
from aat_plugin.demo.steps import Steps
from aat_plugin.errors import AatError
from aat_plugin.results import provenance

SYSTEMS = ("aat", "fairseq", "lstm", "conv", "gru", "bytenet", "extended_neural_gpu", "memory_network")
AVERAGED = 3
SHORT = ["lr_scheduler.warmup_updates=400", "lr_scheduler.lr_factor=0.8"]
"""The Transformer's schedule for a short run on Multi30k, as docs/reproduce.md has it; else it warms up for longer."""


@dataclass(frozen=True)
class Task:
    """One corpus.

    Attributes:
        experiment: of conf/.
        updates, minutes: how far systems are compared, unless the user says otherwise.
        interval: updates between checkpoints.
        lowercase: whether the corpus is.
        overrides: of a system's recipe, by system.
    """

    experiment: str
    updates: int
    minutes: float
    interval: int
    lowercase: bool
    overrides: dict[str, list[str]]


TASKS = {
    "demo": Task("demo_translation", 1000, 4.0, 50, False, {}),
    "multi30k": Task("multi30k_en_de", 1500, 12.0, 50, True, {"aat": SHORT, "fairseq": SHORT}),
}


@dataclass(frozen=True)
class Data:
    """The corpus: `folder` as prepared, and the references as text."""

    folder: Path
    reference: Path

    @property
    def binary(self) -> str:
        """The data-bin."""
        return str(self.folder / "data-bin")


def main(words: Sequence[str] | None = None) -> None:
    """Run what is not done yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--out", type=Path, required=True, help="the folder that everything lies in")
    parser.add_argument("--raw", type=Path, help="multi30k: train, val and test2016 as .en and .de")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="separated by commas")
    parser.add_argument("--updates", type=int, help="compare after this many, a multiple of the checkpoints' interval")
    parser.add_argument("--minutes", type=float, help="compare after this many minutes of training")
    parser.add_argument("--interval", type=int, help="updates between checkpoints")
    parser.add_argument("overrides", nargs="*", help="Hydra overrides for every system, such as common.seed=2")
    given = parser.parse_intermixed_args(words)
    task = TASKS[given.task]
    if given.interval:
        task = dataclasses.replace(task, interval=given.interval)
    updates, minutes = given.updates or task.updates, given.minutes or task.minutes
    systems = given.systems.split(",")
    unknown = sorted(set(systems) - set(SYSTEMS))
    if unknown or updates % task.interval:
        parser.error(f"no system {unknown[0]}" if unknown else f"--updates must be a multiple of {task.interval}")
    if given.task == "multi30k" and given.raw is None:
        parser.error("--raw DIR is needed: `aat fetch multi30k_en_de -o DIR` brings it")
    try:
        data = prepared(given.task, given.out / given.task, given.raw)
        found = []
        for system in systems:
            overrides = [*task.overrides.get(system, []), *given.overrides]
            found += one(system, task, data, given.out / given.task / system, updates, minutes, overrides)
            write(given.out / given.task, found, data)
    except (AatError, OSError) as mistake:
        sys.exit(f"{Path(__file__).name}: {mistake}")
    print(f"Next: {given.out / given.task / 'table.md'}")


def prepared(name: str, out: Path, raw: Path | None) -> Data:
    """Tokens, subwords and data-bin of a corpus."""
    steps = _steps(out / "data-logs")
    splits = {"train": "train", "valid": "valid", "test": "test"}
    options = ["--bpe", str(MERGES)]
    if name == "demo":
        raw = out / "text"
        text = raw
        steps.make("corpus", f"the grammar's corpus, seed {SEED}", lambda: _corpus(text))
    else:
        splits = {"train": "train", "valid": "val", "test": "test2016"}
        options = ["--lowercase", "--bpe", "10000"]
    assert raw is not None
    files = [word for split, file in splits.items()
             for word in (f"--{split}", str(raw / f"{file}.en"), str(raw / f"{file}.de"))]  # fmt: skip
    steps.run("prepare", ["aat", "prepare", "pair", *files, *options, "-o", str(out / "data")])
    return Data(out / "data", raw / f"{splits['test']}.de")


def _corpus(folder: Path) -> str:
    made = corpus.write_corpus(folder, SEED, corpus.SPLITS)
    return "corpus: " + ", ".join(f"{len(examples)} {split}" for split, examples in made.items())


def one(
    system: str, task: Task, data: Data, out: Path, updates: int, minutes: float, overrides: list[str]
) -> list[dict[str, Any]]:
    """Train a system and score it at both points.

    Returns:
        A row for equal updates and one for equal time, and for `fairseq` the same from stock's generator.
    """
    train = [
        "fairseq-hydra-train", "--config-dir", str(conf_dir()), "--config-name", task.experiment, f"system={system}",
        f"task.data={data.binary}", f"checkpoint.save_dir={out / 'checkpoints'}",
        "checkpoint.no_epoch_checkpoints=true", f"checkpoint.save_interval_updates={task.interval}",
        "checkpoint.keep_interval_updates=-1", *overrides,
    ]  # fmt: skip
    rows = []
    steps = _steps(out / "logs")
    steps.run("train-updates", [*train, f"optimization.max_update={updates}"], follow="train_inner")
    longer = [*train, "optimization.max_update=0", f"optimization.stop_time_hours={minutes / 60}"]
    if _seconds(out / "checkpoints" / "checkpoint_last.pt") < minutes * 60:
        steps.run("train-minutes", longer, follow="train_inner")
    saved = _checkpoints(out / "checkpoints")
    within = {
        "updates": [path for update, path in saved if update <= updates],
        "minutes": [path for _, path in saved if _seconds(path) <= minutes * 60],
    }
    for point, files in within.items():
        if not files:
            print(f"{system}: no checkpoint within these {point}")
            continue
        rows += _scored(system, point, files[-AVERAGED:], data, out, task.lowercase)
    return rows


def _scored(
    system: str, point: str, files: list[Path], data: Data, out: Path, lowercase: bool
) -> list[dict[str, Any]]:
    """Average checkpoints, translate the test set and score it."""
    from aat_plugin.bindings.checkpoint_reading import count_parameters

    steps, averaged = _steps(out / f"logs-{point}"), out / f"{point}.pt"
    steps.run("average", ["aat", "average", *map(str, files), "-o", str(averaged)])
    steps.run("perplexity", ["aat", "score", "ppl", str(averaged), "--data", data.binary, "--json"])
    perplexity = _printed(steps.log("perplexity"))
    rows = []
    for search, chosen in (("ours", "aat_translation"), ("stock", "translation")):
        if search == "stock" and system != "fairseq":
            continue
        steps.run(f"generate-{search}", _generate(data, averaged, chosen))
        sides = ["--hyp", str(steps.log(f"generate-{search}")), "--ref", str(data.reference)]
        case = ["--lowercase"] if lowercase else []
        steps.run(f"score-{search}", ["aat", "score", "bleu", "--protocol", "sacrebleu", "--lang", "de", *case, *sides,
                                      "--json"])  # fmt: skip
        score = _printed(steps.log(f"score-{search}"))
        rows.append({
            "system": system, "search": search, "at": point, "updates": _update(files[-1]),
            "minutes": round(_seconds(files[-1]) / 60, 2),
            "parameters": count_parameters(averaged), "bleu": round(score["score"], 2), "signature": score["signature"],
            "perplexity": round(perplexity["score"], 3), "commands": steps.typed,
        })  # fmt: skip
    return rows


def _generate(data: Data, checkpoint: Path, task: str) -> list[str]:
    """Translate the test set with the paper's search (Section 6.1), or with stock's under the same flags."""
    search = ["--beam", "4", "--lenpen", "0.6", "--max-len-a", "1", "--max-len-b", "50"]
    whole = ["--required-batch-size-multiple", "1"]  # else stock drops the last sentences
    return ["fairseq-generate", data.binary, "--user-dir", str(user_dir()), "--task", task, "--path", str(checkpoint),
            "--source-lang", "en", "--target-lang", "de", "--max-tokens", "4000", "--remove-bpe", *_device(), *whole,
            *search]  # fmt: skip


def _device() -> list[str]:
    import torch

    return [] if torch.cuda.is_available() else ["--cpu"]


def _steps(logs: Path) -> Steps:
    logs.mkdir(parents=True, exist_ok=True)
    return Steps(logs, print)


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(update, file) of the checkpoints by update, in order; fairseq writes none where an epoch ends."""
    return sorted((_update(path), path) for path in folder.glob("checkpoint_[0-9]*_[0-9]*.pt"))


def _update(checkpoint: Path) -> int:
    return int(checkpoint.stem.rpartition("_")[2])


def _seconds(checkpoint: Path) -> float:
    """How long training had taken when a checkpoint was written."""
    from aat_plugin.bindings.checkpoint_reading import read_checkpoint

    return float(read_checkpoint(str(checkpoint), map_only=True)["extra_state"]["previous_training_time"])


def _printed(log: Path) -> dict[str, Any]:
    text = log.read_text(encoding="utf-8")
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    return found


def write(out: Path, rows: list[dict[str, Any]], data: Data) -> None:
    """Write `results.json` and `table.md`."""
    source = provenance.collect([command for row in rows for command in row["commands"]], [data.reference])
    results = {"rows": [{k: v for k, v in row.items() if k != "commands"} for row in rows], "provenance": source}
    head = ["system", "search", "parameters", "at", "updates", "minutes", "perplexity, valid", "BLEU"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row["system"], row["search"], f"{row['parameters']:,}", f"equal {row['at']}", f"{row['updates']:,}",
                 f"{row['minutes']:.1f}", f"{row['perplexity']:.2f}", f"{row['bleu']:.2f}"]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"{rows[0]['signature']}. {provenance.in_words(source)}"]
    for name, text in (("results.json", json.dumps(results, indent=2) + "\n"), ("table.md", "\n".join(lines) + "\n")):
        unfinished = out / f"{name}.unfinished"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(out / name)


if __name__ == "__main__":
    main()
