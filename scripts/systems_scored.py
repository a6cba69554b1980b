"""What `compare_systems.py` does with a trained system: averages, searches, scores, and the table of all of them.

Search of translators: beam 4, α 0.6, |x| + 50; stock fairseq's model is also decoded by stock's generator. Parsers
search as Section 6.3 does, freely and among trees alone.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.bindings.checkpoint_reading import count_parameters
from aat_plugin.cli.paths import user_dir
from aat_plugin.demo.steps import Steps, printed_json
from aat_plugin.results import provenance
from aat_plugin.results.training_log import curve, records

AVERAGED = 3
Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """A corpus: the folder as prepared, the test set's sources and references as text, and whether it is lower-cased.

    References are translations, or for parsers gold trees.
    """

    folder: Path
    source: Path
    reference: Path
    lowercase: bool

    @property
    def binary(self) -> str:
        """The data-bin."""
        return str(self.folder / "data-bin")

    @property
    def trees(self) -> bool:
        """Whether it is a treebank."""
        return self.reference.suffix == ".trees"


@dataclass(frozen=True)
class Point:
    """Where on its way a system is scored.

    Attributes:
        title: in words, such as "500 updates".
        update: of the last checkpoint that counts.
        wall, processor: minutes up to it; the latter None where it was not measured.
    """

    title: str
    update: int
    wall: float
    processor: float | None


def scored(
    system: str, point: Point, checkpoints: Sequence[Path], logs: Sequence[Path], data: Data, steps: Steps
) -> list[Row]:
    """Average the last checkpoints, translate or parse the test set and score it, in the steps' folder."""
    averaged = steps.logs / "averaged.pt"
    steps.run("average", ["aat", "average", *map(str, checkpoints[-AVERAGED:]), "-o", str(averaged)])
    steps.run("perplexity", ["aat", "score", "ppl", str(averaged), "--data", data.binary, "--json"])
    lines = [line for log in logs for line in log.read_text(encoding="utf-8").splitlines()]
    (steps.logs / "train.log").write_text("".join(f"{line}\n" for line in until(lines, point.update)), encoding="utf-8")
    peaks = [value for update, value in curve(records(lines), "train", "peak_gb") if update <= point.update]
    common: Row = {
        "system": system, "at": point.title, "updates": point.update, "minutes": round(point.wall, 2),
        "processor_minutes": None if point.processor is None else round(point.processor, 2),
        "parameters": count_parameters(averaged), "peak_gb": max(peaks) if peaks else None,
        "perplexity": round(printed_json(steps.log("perplexity"))["score"], 3),
    }  # fmt: skip
    searched = _parsed(averaged, data, steps) if data.trees else _translated(system, averaged, data, steps)
    return [{**common, **row} for row in searched]


def until(lines: Sequence[str], update: int) -> list[str]:
    """A training log's lines up to an update's, for `aat compare`."""
    kept = []
    for line in lines:
        if any(record.update is not None and record.update > update for record in records([line])):
            continue
        kept.append(line)
    return kept


def _translated(system: str, averaged: Path, data: Data, steps: Steps) -> list[Row]:
    rows = []
    for search, task in (("ours", "aat_translation"), ("stock", "translation")):
        if search == "stock" and system != "fairseq":
            continue
        here = steps
        if search == "stock":  # a run of its own for `aat compare`, of the same training
            here = Steps(steps.logs.with_name(f"{steps.logs.name}-stock"), steps.say)
            here.logs.mkdir(exist_ok=True)
            shutil.copyfile(steps.logs / "train.log", here.logs / "train.log")
            if not (here.logs / "averaged.pt").exists():
                os.symlink(averaged.resolve(), here.logs / "averaged.pt")
        here.run("generate", _generate(data, averaged, task))
        score = _bleu("score", here.log("generate"), data, here)
        rows.append({"search": search, **score, "commands": [*steps.typed, *([] if here is steps else here.typed)]})
    return rows


def _bleu(name: str, hypotheses: Path, data: Data, steps: Steps) -> Row:
    case = ["--lowercase"] if data.lowercase else []
    sides = ["--hyp", str(hypotheses), "--ref", str(data.reference)]
    steps.run(name, ["aat", "score", "bleu", "--protocol", "sacrebleu", "--lang", "de", *case, *sides, "--json"])
    found = printed_json(steps.log(name))
    return {"bleu": round(found["score"], 2), "signature": found["signature"]}


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


def _parsed(averaged: Path, data: Data, steps: Steps) -> list[Row]:
    rows = []
    for search in ("free", "constrained"):
        words = ["--checkpoint", str(averaged), "--data", str(data.folder), f"--{search}", "--device", "cpu"]
        rows.append({"search": search, **_f1(search, words, data, steps), "commands": list(steps.typed)})
    return rows


def _f1(name: str, parser: Sequence[str], data: Data, steps: Steps) -> Row:
    trees = steps.logs / f"{name}.trees"
    steps.run(f"parse-{name}", ["aat", "parse", *parser, "--tokenized", "--input", str(data.source), "--output",
                                str(trees)])  # fmt: skip
    steps.run(f"score-{name}", ["aat", "score", "parse", "--gold", str(data.reference), "--pred", str(trees), "--json"])
    found = printed_json(steps.log(f"score-{name}"))
    return {"f1": round(found["all"]["f1"], 2)}


def floors(data: Data, steps: Steps) -> list[Row]:
    """What needs no training: copying the source, or trees without a parser."""
    if not data.trees:
        return [{"system": "copy of the source", **_bleu("copy", data.source, data, steps), "commands": steps.typed}]
    return [{"system": f"{floor} trees", **_f1(floor, ["--floor", floor], data, steps), "commands": steps.typed}
            for floor in ("right-branching", "flat")]  # fmt: skip


def write_rows(folder: Path, rows: Sequence[Row]) -> None:
    """Keep a system's rows, so that a later call with other systems can show them."""
    _replace(folder / "rows.json", json.dumps(rows, indent=2) + "\n")


def read_rows(out: Path, systems: Sequence[str]) -> list[Row]:
    """The rows of all systems that have some, in this order."""
    files = [out / system / "rows.json" for system in systems]
    return [row for file in files if file.is_file() for row in json.loads(file.read_text(encoding="utf-8"))]


HEAD = {
    "system": "system", "search": "search", "parameters": "parameters", "at": "after", "updates": "updates",
    "minutes": "minutes, wall", "processor_minutes": "minutes, processor", "peak_gb": "peak, GiB",
    "perplexity": "perplexity, valid", "bleu": "BLEU", "f1": "F1",
}  # fmt: skip
FORMS = {"parameters": ",", "updates": ",", "minutes": ".1f", "processor_minutes": ".1f", "peak_gb": ".2f",
         "perplexity": ".2f", "bleu": ".2f", "f1": ".2f"}  # fmt: skip


def write_table(out: Path, rows: Sequence[Row], data: Data) -> None:
    """Write `results.json` and `table.md`."""
    commands = list(dict.fromkeys(command for row in rows for command in row["commands"]))
    source = provenance.collect(commands, [data.reference])
    shown = [{name: value for name, value in row.items() if name != "commands"} for row in rows]
    columns = [name for name in HEAD if any(row.get(name) is not None for row in shown)]
    lines = ["| " + " | ".join(HEAD[name] for name in columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(name), name) for name in columns) + " |" for row in shown]
    signatures = dict.fromkeys(row["signature"] for row in shown if "signature" in row)
    lines += ["", ". ".join([*signatures, provenance.in_words(source)])]
    _replace(out / "results.json", json.dumps({"rows": shown, "provenance": source}, indent=2) + "\n")
    _replace(out / "table.md", "\n".join(lines) + "\n")


def _cell(value: Any, name: str) -> str:
    return "" if value is None else format(value, FORMS.get(name, ""))


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
