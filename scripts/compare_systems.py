"""All systems on one corpus: equal parameters and data, after equal updates and after equal time, one table.

    python scripts/compare_systems.py demo --out runs/systems
    python scripts/compare_systems.py parsing --out runs/systems
    python scripts/compare_systems.py multi30k --raw DIR --out runs/systems --minutes 12 --updates 1500

Each system is trained once. Its checkpoints up to `--updates` give the first figure, those up to `--minutes` of
training (validation and saving included) the second. Minutes are the clock's, which is no measure unless the machine is
quiet, or under `--clock processor` the processor's. Run again after a stop, it goes on where it was; what is done is
not done again, and systems that were compared by an earlier call stay in the table. `results.json` and `table.md` below
`--out` hold what was found; OUT/TASK/SYSTEM/updates and OUT/TASK/SYSTEM/minutes are runs for `aat compare`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from systems_scored import Data, Point, floors, read_rows, scored, write_rows, write_table

from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.cli.paths import conf_dir
from aat_plugin.demo import corpus, parsing
from aat_plugin.demo.run import MERGES, SEED
from aat_plugin.demo.steps import Steps
from aat_plugin.errors import AatError
from aat_plugin.results.training_log import curve, records

SYSTEMS = ("aat", "fairseq", "lstm", "conv", "gru", "bytenet", "extended_neural_gpu", "memory_network")
SHORT = ["lr_scheduler.warmup_updates=400", "lr_scheduler.lr_factor=0.8"]
"""The Transformer's schedule for a short run on Multi30k, as docs/reproduce.md has it; else it warms up for longer."""
SOON = "lr_scheduler.warmup_updates=120"
RIVALS_SHORT = {
    "lstm": [SOON, "lr_scheduler.lr_factor=1.11"],  # a peak rate of 9e-3
    "gru": [SOON, "optimization.lr=[0.006]"],
    "bytenet": [SOON, "optimization.lr=[0.005]"],
    "extended_neural_gpu": [SOON],
    "memory_network": [SOON],
}
"""The rivals': of the rates in docs/reproduce.md those with the lowest loss after 80 updates; conv's recipe stays."""
SMALL = "batch=4k_${hardware}"
"""Half of the recipe's tokens an update: in so short a time more updates are worth more."""
MULTI30K_SHORT = {
    system: [SMALL, *{"aat": SHORT, "fairseq": SHORT, **RIVALS_SHORT}.get(system, [])] for system in SYSTEMS
}


@dataclass(frozen=True)
class Task:
    """One corpus.

    Attributes:
        experiment: of conf/.
        updates, minutes: how far systems are compared, unless the user says otherwise.
        interval: updates between checkpoints.
        systems: those that have a size for it.
        lowercase: whether the corpus is.
        overrides: of a system's recipe, by system.
    """

    experiment: str
    updates: int
    minutes: float
    interval: int
    systems: tuple[str, ...]
    lowercase: bool
    overrides: dict[str, list[str]]


TASKS = {
    "demo": Task("demo_translation", 1000, 4.0, 50, SYSTEMS, False, {}),
    "multi30k": Task("multi30k_en_de", 1500, 12.0, 50, SYSTEMS, True, MULTI30K_SHORT),
    "parsing": Task("demo_parsing", 1000, 4.0, 50, ("aat", "fairseq", "lstm", "conv"), False, {}),
}


def main(words: Sequence[str] | None = None) -> None:
    """Run what is not done yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("--out", type=Path, required=True, help="the folder that everything lies in")
    parser.add_argument("--raw", type=Path, help="multi30k: train, val and test2016 as .en and .de")
    parser.add_argument("--systems", help="separated by commas; default: all that have a size for the task")
    parser.add_argument("--updates", type=int, help="compare after this many, a multiple of the checkpoints' interval")
    parser.add_argument("--minutes", type=float, help="compare after this many minutes of training")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="whose minutes")
    parser.add_argument("--interval", type=int, help="updates between checkpoints")
    parser.add_argument("overrides", nargs="*", help="Hydra overrides for every system, such as common.seed=2")
    given = parser.parse_intermixed_args(words)
    task = TASKS[given.task]
    if given.interval:
        task = dataclasses.replace(task, interval=given.interval)
    updates, minutes = given.updates or task.updates, given.minutes or task.minutes
    systems = given.systems.split(",") if given.systems else task.systems
    unknown = sorted(set(systems) - set(task.systems))
    if unknown or updates % task.interval:
        parser.error(f"no system {unknown[0]}" if unknown else f"--updates must be a multiple of {task.interval}")
    if given.task == "multi30k" and given.raw is None:
        parser.error("--raw DIR is needed: `aat fetch multi30k_en_de -o DIR` brings it")
    out = given.out / given.task
    try:
        data = prepared(given.task, out, given.raw, task.lowercase)
        write_rows(out / "floors", floors(data, _steps(out / "floors")))
        for system in systems:
            overrides = [*task.overrides.get(system, []), *given.overrides]
            run = Training(system, task, data, out / system, overrides)
            write_rows(out / system, run.rows(updates, minutes, given.clock))
            write_table(out, read_rows(out, (*SYSTEMS, "floors")), data)
    except (AatError, OSError) as mistake:
        sys.exit(f"{Path(__file__).name}: {mistake}")
    print(f"Next: {out / 'table.md'}")


def prepared(name: str, out: Path, raw: Path | None, lowercase: bool) -> Data:
    """Tokens, subwords and data-bin of a corpus."""
    steps = _steps(out / "data-logs")
    if name == "multi30k":
        assert raw is not None
        splits = {"train": "train", "valid": "val", "test": "test2016"}
        options = ["--lowercase", "--bpe", "10000"]
    else:
        text = raw = out / "text"
        splits = {"train": "train", "valid": "valid", "test": "test"}
        options = ["--bpe", str(MERGES)]
        steps.make("corpus", f"the grammar's corpus, seed {SEED}", lambda: _corpus(text))
    if name == "parsing":
        places = parsing.ParsingPlaces(out, raw)
        steps.run("prepare", parsing.prepare_command(places))
        return Data(places.data, raw / "test.en", raw / "test.trees", lowercase)
    files = [word for split, file in splits.items()
             for word in (f"--{split}", str(raw / f"{file}.en"), str(raw / f"{file}.de"))]  # fmt: skip
    steps.run("prepare", ["aat", "prepare", "pair", *files, *options, "-o", str(out / "data")])
    return Data(out / "data", raw / f"{splits['test']}.en", raw / f"{splits['test']}.de", lowercase)


def _corpus(folder: Path) -> str:
    made = corpus.write_corpus(folder, SEED, corpus.SPLITS)
    return "corpus: " + ", ".join(f"{len(examples)} {split}" for split, examples in made.items())


@dataclass(frozen=True)
class Training:
    """A system's one training.

    Attributes:
        system: its name.
        task: and
        data: what it learns.
        out: its folder.
        overrides: Hydra's.
    """

    system: str
    task: Task
    data: Data
    out: Path
    overrides: list[str]

    def rows(self, updates: int, minutes: float, clock: str) -> list[dict[str, Any]]:
        """Train and score at both points.

        Args:
            updates, minutes: how far.
            clock: "wall" or "processor": whose minutes.

        Returns:
            A row for equal updates and one for equal time, and for `fairseq` the same from stock's generator.
        """
        steps = _steps(self.out / "logs")
        steps.run("train-updates", self._command(f"optimization.max_update={updates}"), follow="train_inner")
        if clock == "wall" and self._seconds(self.out / "checkpoints/checkpoint_last.pt") < minutes * 60:
            longer = "optimization.max_update=0", f"optimization.stop_time_hours={minutes / 60}"
            steps.run("train-minutes", self._command(*longer), follow="train_inner")
        elif clock == "processor" and (reached := self._reached(updates, minutes)) > updates:
            steps.run("train-minutes", self._command(f"optimization.max_update={reached}"), follow="train_inner")
        found = []
        logs = [steps.log(name) for name in ("train-updates", "train-minutes") if steps.log(name).is_file()]
        saved, spent = self._saved(), processor_minutes(logs, self.task.interval)
        by_wall = {update: self._seconds(path) / 60 for update, path in saved.items()}
        took = by_wall if clock == "wall" else {update: spent[update] for update in saved}
        for name, title, last in (
            ("updates", f"{updates:,} updates", max((one for one in saved if one <= updates), default=None)),
            ("minutes", f"{minutes:g} minutes", max((one for one in saved if took[one] <= minutes), default=None)),
        ):
            if last is None:
                print(f"{self.system}: no checkpoint within {title}")
                continue
            point = Point(title, last, self._seconds(saved[last]) / 60, spent.get(last))
            files = [path for update, path in saved.items() if update <= last]
            found += scored(self.system, point, files, logs, self.data, _steps(self.out / name))
        return found

    def _command(self, *limits: str) -> list[str]:
        """fairseq's; no process beside it reads the data, so that its processor time is all there is."""
        return [
            "fairseq-hydra-train", "--config-dir", str(conf_dir()), "--config-name", self.task.experiment,
            f"system={self.system}", f"task.data={self.data.binary}", f"checkpoint.save_dir={self.out / 'checkpoints'}",
            "checkpoint.no_epoch_checkpoints=true", f"checkpoint.save_interval_updates={self.task.interval}",
            "checkpoint.keep_interval_updates=-1", f"common.log_interval={self.task.interval}",
            "dataset.num_workers=0", *self.overrides, *limits,
        ]  # fmt: skip

    def _reached(self, updates: int, minutes: float) -> int:
        """How many updates these minutes of the processor's are, at what the first `updates` took."""
        spent = processor_minutes([_steps(self.out / "logs").log("train-updates")], self.task.interval)
        each = max(spent.values()) / max(spent)
        return int(minutes / each) // self.task.interval * self.task.interval

    def _saved(self) -> dict[int, Path]:
        """Update → checkpoint, in order; fairseq writes none where an epoch ends."""
        files = (self.out / "checkpoints").glob("checkpoint_[0-9]*_[0-9]*.pt")
        return dict(sorted((int(path.stem.rpartition("_")[2]), path) for path in files))

    @staticmethod
    def _seconds(checkpoint: Path) -> float:
        """How long training had taken by the clock when a checkpoint was written."""
        return float(read_checkpoint(str(checkpoint), map_only=True)["extra_state"]["previous_training_time"])


def processor_minutes(logs: Sequence[Path], interval: int) -> dict[int, float]:
    """Update → the processor's minutes up to it, over the logs of a training and of what went on from it.

    A process that was started again after a stop says nothing of the one before, whose log it replaced: what that one
    did is counted at the pace of the one that went on.

    Args:
        logs: in order.
        interval: updates between what they say.
    """
    found: dict[int, float] = {}
    for log in logs:
        points = curve(records(log.read_text(encoding="utf-8").splitlines()), "train", "processor_s")
        if not points:
            continue
        begun = max(0, points[0][0] - interval)
        pace = points[-1][1] / 60 / (points[-1][0] - begun)
        for update in range(interval, begun + 1, interval):
            found.setdefault(update, pace * update)
        before = found.get(begun, pace * begun)
        found |= {update: before + seconds / 60 for update, seconds in points}
    return found


def _steps(logs: Path) -> Steps:
    logs.mkdir(parents=True, exist_ok=True)
    return Steps(logs, print)


if __name__ == "__main__":
    main()
