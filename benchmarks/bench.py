"""The yardstick: stock fairseq and this plugin alternately, each in a fresh process. `make bench` runs it.

    python benchmarks/bench.py [--quick] [--pairs 5] [--only train_speed_tiny,…] [--shares] [--clock processor]
    python benchmarks/bench.py --sizes '' --model CKPT --test-data DATA [--parser CKPT --parser-data DATA]
    python benchmarks/bench.py --report benchmarks/2026-11-26_cpu.md

In each round every side of a comparison runs once, in an order drawn by lot, so that what disturbs the machine disturbs
all alike; ratios are taken within a round. Every finished run is kept under OUT/raw: interrupted, start it again and it
goes on. OUT/summary.json holds the medians as plugin / stock, OUT/report.md all of it. On a machine that does other
things too, --clock processor compares the processor's seconds, which waiting does not lengthen.
"""

from __future__ import annotations

import argparse
import random
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from comparisons import Comparison, Inputs, dump, script, shares, training
from decoding import Model, Task, comparison, tasks, trials
from kept import RunFailedError, run, say, write
from report import lines, summary
from sides import words

from aat_plugin.results import provenance

SIZES = {
    "base": (37_000, 200_000, 27.0, 4096),
    "tiny": (9_700, 200_000, 13.0, 4096),
    "big": (37_000, 200_000, 27.0, 4096),
}
"""V, pairs and mean length of the made-up data, and tokens a batch."""
ON_GPU = 2_000_000, 25_000
"""Pairs and tokens a batch of base and big on a GPU: with fewer pairs a batch's sentences differ much in length."""
BIN = Path(sys.executable).parent


def arguments() -> argparse.Namespace:
    """The command's words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--pairs", type=int, help="rounds (default 5; quick 2)")
    parser.add_argument("--quick", action="store_true", help="few and small updates: whether all runs, not a result")
    parser.add_argument("--only", default="", help="comparisons by name, with commas")
    parser.add_argument("--sides", default="", help="sides by name, with commas, besides the one they are divided by")
    parser.add_argument("--sizes", default="tiny,base", help="of the models that are trained, with commas")
    parser.add_argument("--shares", action="store_true", help="instead: each way of training quicker, switched off")
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall", help="which is compared")
    for size in SIZES:
        parser.add_argument(f"--data-{size}", type=Path, help=f"a joined data-bin en-de for {size} (default: made up)")
        parser.add_argument(f"--updates-{size}", type=int, help=f"timed updates of {size}")
    parser.add_argument("--gpu", action="store_true", help="batches of 25,000 tokens, and stock in fp16 as a side too")
    parser.add_argument("--joeynmt", default="", metavar="PYTHON", help="one that has JoeyNMT: a side of training too")
    parser.add_argument("--precisions", default="bf16", help="quicker ones, with commas; the first is compared")
    parser.add_argument("--model", type=Path, help="a trained translator of ours, for decoding")
    parser.add_argument("--test-data", type=Path, help="the data-bin whose test set it translates")
    parser.add_argument("--train-updates", type=int, default=0, help="train a tiny model for decoding where none is")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=100, help="sentences that are decoded one at a time")
    parser.add_argument("--parser", type=Path, help="a trained parser of ours, with next_word=false, for beam 21")
    parser.add_argument("--parser-data", type=Path, help="the data-bin whose test set it parses")
    parser.add_argument("--parsed-sentences", type=int, default=24, help="the longest of the parser's test set")
    parser.add_argument("--parsed-length", type=int, help="force its outputs to so many tokens")
    parser.add_argument("--base-decoding", action="store_true", help="an untrained model of base size too")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds that one run may take")
    parser.add_argument("--report", type=Path, help="write the report of what was run to this file too, and end")
    return parser.parse_args()


def prepared(given: argparse.Namespace) -> Inputs:
    """Data, batches and models, each made once."""
    made = given.out / "made"
    made.mkdir(parents=True, exist_ok=True)
    chosen = [size for size in SIZES if size in given.sizes.split(",")]
    large = ON_GPU[1] if given.gpu else None
    tokens = {size: 1024 if given.quick and size != "tiny" else large or SIZES[size][3] for size in chosen}
    updates = {size: getattr(given, f"updates_{size}") or {"base": 5, "tiny": 20, "big": 5}[size] for size in chosen}
    if given.quick:
        updates = {size: min(number, 2) for size, number in updates.items()}
    data = {size: getattr(given, f"data_{size}") or _made_up(made, size, given.quick, given.gpu) for size in chosen}
    inputs = Inputs(
        folder=made, data=data, vocabulary={size: _types(data[size]) for size in chosen}, max_tokens=tokens,
        updates=updates, warm_up=1 if given.quick else 3, memory_tokens=2048 if given.quick else 8192,
        precisions=tuple(given.precisions.split(",")), gpu=given.gpu, joeynmt=given.joeynmt,
    )  # fmt: skip
    for size in chosen:
        wanted = [(tokens[size], inputs.warm_up + updates[size])]
        wanted += [(inputs.memory_tokens, 2)] if size == "base" else []
        for number_of_tokens, number in wanted:
            path, command = dump(inputs, size, number_of_tokens, number)
            if not path.is_file():
                _do(command)
    return inputs


def _made_up(made: Path, size: str, quick: bool, gpu: bool = False) -> Path:
    vocabulary, pairs, length, _ = SIZES[size]
    pairs = ON_GPU[0] if gpu else pairs
    folder = made / (f"data_{size}_quick" if quick else f"data_{size}")
    if not (folder / "complete").is_file():
        number = 5_000 if quick else pairs
        _do(script("make_data", folder, "--vocabulary", vocabulary, "--pairs", number, "--length", length))
        (folder / "complete").touch()
    return folder


def _types(data: Path) -> int:
    """V: a line a type, and fairseq's four symbols."""
    return len((data / "dict.de.txt").read_text(encoding="utf-8").splitlines()) + 4


def decoded(given: argparse.Namespace, inputs: Inputs) -> list[Task]:
    """What is decoded, with each model in each side's form, made once."""
    number = 20 if given.quick else given.sentences
    model, test_data = given.model, given.test_data or inputs.data.get("tiny")
    if model is None and given.train_updates and test_data is not None:
        model = _trained(inputs.folder, "tiny", test_data, given.train_updates, ["--warmup-updates", "200"])
    translator = None if model is None else _forms(inputs.folder, model, test_data, number)
    parser = base = None
    if given.parser is not None:
        at_most = 4 if given.quick else given.parsed_sentences
        parser = _forms(inputs.folder, given.parser, given.parser_data, at_most)
    if given.base_decoding:
        data = _made_up(inputs.folder, "base", quick=True)
        base = _forms(inputs.folder, _trained(inputs.folder, "base", data, 1, []), data, 4 if given.quick else 48)
    found = tasks(translator, parser, base, given.alone, given.parsed_length)
    return [replace(task, sizes=task.sizes and "2,4") for task in found] if given.quick else found


def _trained(made: Path, size: str, data: Path, updates: int, more: list[str]) -> Path:
    """A model of our own making."""
    folder = made / f"{size}_{updates}"
    if not (folder / "checkpoint_last.pt").is_file():
        limits = ["--max-update", str(updates), "--max-tokens", "2048", "--cpu"]
        saved = ["--save-dir", str(folder), "--no-epoch-checkpoints", "--no-save-optimizer-state"]
        extra = [*limits, *saved, "--convention", "fairseq", "--disable-validation", *more]
        _do([str(BIN / "fairseq-train"), *words("aat", size, data, extra)])
    return folder / "checkpoint_last.pt"


def _forms(made: Path, model: Path, data: Path, sentences: int) -> Model:
    name = f"{model.resolve().parent.name}_{model.stem}"
    stock, ctranslate2 = made / "stock" / f"{name}.pt", made / f"ctranslate2_{name}"
    if not stock.is_file():
        stock.parent.mkdir(exist_ok=True)
        _do([str(BIN / "aat"), "export", "fairseq", str(model), "-o", str(stock)])
    if not ctranslate2.is_dir():
        try:
            _do([str(BIN / "aat"), "export", "ctranslate2", str(model), "-o", str(ctranslate2), "--data", str(data)])
        except RunFailedError as why:
            say(f"CTranslate2: not run ({str(why).splitlines()[-1]})")
            return Model(model, stock, None, data, sentences)
    return Model(model, stock, ctranslate2, data, sentences)


def at_its_best(task: Task, given: argparse.Namespace, made: Path) -> Comparison:
    """The comparison, with the batch size that suits each side; one that fails is left out, and this is said."""
    small = replace(task, model=replace(task.model, sentences=min(task.model.sentences, 128)))
    best: dict[str, int] = dict.fromkeys(task.sides(), 1)
    wanted = [*given.sides.split(","), "stock"] if given.sides else None
    for side, command in trials(small):
        if wanted is not None and side not in wanted:
            continue
        place = given.out / "raw" / "batch_sizes" / f"{task.name}.{side.replace(' ', '_')}.json"
        try:
            figures = run(place, command, given.limit, provenance.commit())
        except RunFailedError as why:
            say(f"  {task.name}, {side}: no batch size ({str(why).splitlines()[-1]})")
            best[side] = int(task.sizes.split(",")[0])
            continue
        best[side] = int(figures["best"])
        say(f"{task.name}, {side}: batches of {best[side]} ({figures['sentences_per_second']})")
    (made / "hypotheses").mkdir(exist_ok=True)
    return comparison(task, best, made / "hypotheses")


def _do(command: list[str]) -> None:
    say(f"… {shlex.join(command)}")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RunFailedError(f"{shlex.join(command)}: exit {done.returncode}\n{done.stderr[-1500:]}")


def play(compared: list[Comparison], given: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """Run every round; what was run before is read. name → round → side → figures."""
    found: dict[str, Any] = {one.name: {} for one in compared}
    found["matrix_rate"] = {}
    code = provenance.commit()
    for number in range(rounds):
        raw = given.out / "raw"
        place = raw / "matrix_rate" / f"{number}.json"
        found["matrix_rate"][number] = run(place, script("matrix_rate"), given.limit, code)
        for one in compared:
            chosen = [one.baseline, *given.sides.split(",")] if given.sides else list(one.sides)
            order = sorted(set(chosen) & set(one.sides))
            random.Random(f"{one.name} {number}").shuffle(order)  # noqa: S311 - an order, no secret
            for side in order:
                place = raw / one.name / f"{number}.{side.replace(' ', '_')}.json"
                try:
                    figures = run(place, one.sides[side], given.limit, code)
                except RunFailedError as why:
                    if side in (one.baseline, "aat"):
                        raise
                    say(f"  {one.name}, {side}: not run ({str(why).splitlines()[-1]})")
                    continue
                found[one.name].setdefault(number, {})[side] = figures
                say(f"{number + 1}/{rounds} {one.name}, {side}: {figures[one.figures[given.clock]]:,.4g}")
        write(given.out / "summary.json", summary(compared, found, given.clock))
        report = "\n".join(lines(compared, found, given.clock, shlex.join(["python", *sys.argv]))) + "\n"
        (given.out / "report.md").write_text(report, encoding="utf-8")
    return found


def main() -> int:
    """Prepare, run, say where it is."""
    given = arguments()
    if given.report:
        given.report.write_text((given.out / "report.md").read_text(encoding="utf-8"), encoding="utf-8")
        return 0
    try:
        inputs = prepared(given)
        wanted = given.only.split(",") if given.only else None
        compared = shares(inputs) if given.shares else training(inputs)
        compared = [one for one in compared if wanted is None or one.name in wanted]
        for task in [] if given.shares else decoded(given, inputs):
            if wanted is None or task.name in wanted:
                compared.append(at_its_best(task, given, inputs.folder))
        if not compared:
            say("nothing to compare: see --only, --sizes, --model, --parser")
            return 2
        play(compared, given, given.pairs or (2 if given.quick else 5))
    except RunFailedError as why:
        say(str(why))
        return 1
    except KeyboardInterrupt:
        say("stopped; the same command goes on")
        return 130
    say(f"{given.out / 'summary.json'}, {given.out / 'report.md'}; --report benchmarks/<date>_<machine>.md keeps it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
