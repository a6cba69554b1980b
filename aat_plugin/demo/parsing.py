"""The demo's second half: gold trees → prepare → train → average → parse → score, by the commands a user would type.

The grammar's English trees, of which no test sentence's pattern of tags is trained on. `run` calls this behind the
translation, and shares its folder and corpus; neither half is done again because the other changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aat_plugin.demo.steps import Steps, printed_json

AVERAGED = 5  # checkpoints, as the translation
PARSES = ("free", "constrained")  # searches of the model
SEARCH: Sequence[str] = ()  # of both; the paper's stands in: beam 21, α 0.3, |x| + 300
FLOORS = ("flat", "right-branching")
LINEARISATION = "tags"  # (NP DT NN )NP: what learns soonest; the paper's XX takes longer
DRAWN_WORDS = range(9, 13)  # of the test set, the first sentence of so many words is drawn

_LEAF = re.compile(r"\([^()\s]+ [^()\s]+\)")


@dataclass(frozen=True)
class ParsingPlaces:
    """Where the demo keeps what its parser needs; `root` and `text` are the translation's."""

    root: Path
    text: Path

    @property
    def data(self) -> Path:
        """The trees said as symbols, with their words, binarised."""
        return self.root / "trees"

    @property
    def checkpoints(self) -> Path:
        """What training saves."""
        return self.root / "parser"

    @property
    def averaged(self) -> Path:
        """The mean of the last checkpoints."""
        return self.root / "averaged-parser.pt"

    def trees(self, system: str) -> Path:
        """A system's trees of the test set, one a line."""
        return self.root / "parsed" / f"{system}.trees"

    def report(self, system: str) -> Path:
        """What `aat parse` counted."""
        return self.root / "parsed" / f"{system}.json"


def run(steps: Steps, places: ParsingPlaces, conf_dir: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """All steps; what is done already is not done again.

    Args:
        steps: those that made the corpus are typed already.
        places: where things lie.
        conf_dir: the configs' folder.
        overrides: Hydra overrides of conf/demo_parsing.yaml.

    Returns:
        `f1`, `malformed_rate` and `sentences_per_second` of the model's search as the paper has it; the same behind
        `constrained_`; `flat_f1` and `right_branching_f1`; `shapes_seen`, the share of test trees whose shape occurs in
        training; `sentences`. F1 and shares are percentages.

    Raises:
        DemoError: a step failed.
    """
    (places.root / "parsed").mkdir(parents=True, exist_ok=True)
    steps.run("prepare-trees", prepare_command(places))
    steps.run("train-parser", train_command(places, conf_dir, overrides), follow="train_inner")
    steps.run("average-parser", average_command(places))
    for system in (*PARSES, *FLOORS):
        steps.run(f"parse-{system}", parse_command(places, system))
    for system in (*PARSES, *FLOORS):
        steps.run(f"score-{system}", score_command(places, system))
    return _figures(steps, places)


def prepare_command(places: ParsingPlaces) -> list[str]:
    """Say the trees as symbols; the grammar has few words, which stay whole."""
    splits = ("train", "valid", "test")
    files = [word for split in splits for word in (f"--{split}", str(places.text / f"{split}.trees"))]
    return ["aat", "prepare", "trees", *files, "--linearisation", LINEARISATION, "--bpe", "0", "-o", str(places.data)]


def train_command(places: ParsingPlaces, conf_dir: Path, overrides: Sequence[str]) -> list[str]:
    """Train by conf/demo_parsing.yaml."""
    paths = [f"task.data={places.data / 'data-bin'}", f"checkpoint.save_dir={places.checkpoints}"]
    experiment = ["--config-dir", str(conf_dir), "--config-name", "demo_parsing"]
    return ["fairseq-hydra-train", *experiment, *paths, *overrides]


def average_command(places: ParsingPlaces) -> list[str]:
    """Average the last checkpoints by update."""
    return ["aat", "average", "--last", str(AVERAGED), str(places.checkpoints), "-o", str(places.averaged)]


def parse_command(places: ParsingPlaces, system: str) -> list[str]:
    """Parse the test set's words: with the paper's search (beam 21, α 0.3, |x| + 300), constrained, or by a floor."""
    words = ["--tokenized", "--input", str(places.text / "test.en"), "--output", str(places.trees(system))]
    if system in FLOORS:
        return ["aat", "parse", "--floor", system, *words]
    model = ["--checkpoint", str(places.averaged), "--data", str(places.data), f"--{system}", "--device", "cpu"]
    return ["aat", "parse", *model, *SEARCH, *words, "--report", str(places.report(system))]


def score_command(places: ParsingPlaces, system: str) -> list[str]:
    """F1 of one system as EVALB counts it."""
    files = ["--gold", str(places.text / "test.trees"), "--pred", str(places.trees(system))]
    return ["aat", "score", "parse", *files, "--json"]


def _figures(steps: Steps, places: ParsingPlaces) -> dict[str, Any]:
    scores = {system: printed_json(steps.log(f"score-{system}"))["all"]["f1"] for system in (*PARSES, *FLOORS)}
    counted = {system: json.loads(places.report(system).read_text(encoding="utf-8")) for system in PARSES}
    gold = lines(places.text / "test.trees")
    figures: dict[str, Any] = {}
    for system, prefix in zip(PARSES, ("", "constrained_"), strict=True):
        found = counted[system]
        figures |= {
            f"{prefix}f1": round(scores[system], 2),
            f"{prefix}malformed_rate": round(100 * found["malformed_rate"], 2),
            f"{prefix}sentences_per_second": round(found["sentences"] / found["seconds"], 1),
        }
    return {
        **figures,
        "flat_f1": round(scores["flat"], 2),
        "right_branching_f1": round(scores["right-branching"], 2),
        "shapes_seen": round(shapes_seen(lines(places.text / "train.trees"), gold), 1),
        "linearisation": LINEARISATION,
        "sentences": len(gold),
    }


def shape(tree: str) -> str:
    """A tree's brackets and labels with every word and its tag taken out: `(S (NP XX XX) (VP XX))`."""
    return _LEAF.sub("XX", tree)


def shapes_seen(train: Iterable[str], test: Sequence[str]) -> float:
    """The percentage of test trees whose shape some training tree has.

    Args:
        train, test: trees in brackets, one a line.
    """
    seen = set(map(shape, train))
    return 100 * sum(shape(tree) in seen for tree in test) / len(test)


def drawn(places: ParsingPlaces) -> tuple[str, str]:
    """(the model's tree, the gold one) of the first test sentence that is neither short nor long."""
    gold, parsed = lines(places.text / "test.trees"), lines(places.trees(PARSES[0]))
    number = next((n for n, tree in enumerate(gold) if len(_LEAF.findall(tree)) in DRAWN_WORDS), 0)
    return parsed[number], gold[number]


def lines(file: Path) -> list[str]:
    """A file's lines."""
    return file.read_text(encoding="utf-8").splitlines()
