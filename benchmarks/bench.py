"""The yardstick: stock fairseq and this plugin alternately, each in a fresh process. `make bench` runs it.

    python benchmarks/bench.py [--quick] [--pairs 5] [--only train_speed_tiny,…] [--shares] [--clock processor]
    python benchmarks/bench.py --model CHECKPOINT --test-data DATA [--ctranslate2 FOLDER]
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

from comparisons import Comparison, Inputs, decoding, dump, script, shares, training
from kept import RunFailedError, run, say, write
from report import lines, summary
from sides import words

from aat_plugin.results import provenance

SIZES = {"base": (37_000, 200_000, 27.0, 4096), "tiny": (9_700, 200_000, 13.0, 4096)}
"""V, pairs and mean length of the made-up data, and tokens a batch."""


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
    parser.add_argument("--precisions", default="bf16", help="quicker ones, with commas; the first is compared")
    parser.add_argument("--model", type=Path, help="a trained checkpoint of ours, for decoding")
    parser.add_argument("--test-data", type=Path, help="the data-bin whose test set is decoded")
    parser.add_argument("--train-updates", type=int, default=0, help="train a tiny model for decoding where none is")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds that one run may take")
    parser.add_argument("--report", type=Path, help="write the report of what was run to this file too, and end")
    return parser.parse_args()


def prepared(given: argparse.Namespace) -> Inputs:
    """Data, batches and models, each made once."""
    made = given.out / "made"
    made.mkdir(parents=True, exist_ok=True)
    chosen = [size for size in SIZES if size in given.sizes.split(",")]
    tokens = {size: 1024 if given.quick and size == "base" else SIZES[size][3] for size in chosen}
    updates = {size: getattr(given, f"updates_{size}") or {"base": 5, "tiny": 20}[size] for size in chosen}
    if given.quick:
        updates = {size: min(number, 2) for size, number in updates.items()}
    data = {size: getattr(given, f"data_{size}") or _made_up(made, size, given.quick) for size in chosen}
    inputs = Inputs(
        folder=made, data=data, vocabulary={size: _types(data[size]) for size in chosen}, max_tokens=tokens,
        updates=updates, warm_up=1 if given.quick else 3, memory_tokens=2048 if given.quick else 8192,
        precisions=tuple(given.precisions.split(",")), sentences=20 if given.quick else given.sentences,
    )  # fmt: skip
    for size in chosen:
        wanted = [(tokens[size], inputs.warm_up + updates[size])]
        wanted += [(inputs.memory_tokens, 2)] if size == "base" else []
        for number_of_tokens, number in wanted:
            path, command = dump(inputs, size, number_of_tokens, number)
            if not path.is_file():
                _do(command)
    return replace(inputs, **_models(given, data, made))


def _made_up(made: Path, size: str, quick: bool) -> Path:
    vocabulary, pairs, length, _ = SIZES[size]
    folder = made / (f"data_{size}_quick" if quick else f"data_{size}")
    if not (folder / "complete").is_file():
        number = 5_000 if quick else pairs
        _do(script("make_data", folder, "--vocabulary", vocabulary, "--pairs", number, "--length", length))
        (folder / "complete").touch()
    return folder


def _types(data: Path) -> int:
    """V: a line a type, and fairseq's four symbols."""
    return len((data / "dict.de.txt").read_text(encoding="utf-8").splitlines()) + 4


def _models(given: argparse.Namespace, data: dict[str, Path], made: Path) -> dict[str, Any]:
    """The model that decodes, in each side's form."""
    model, test_data = given.model, given.test_data or data.get("tiny")
    if model is None and not given.train_updates:
        return {}
    bin_folder = Path(sys.executable).parent
    if model is None:
        folder = made / f"tiny_{given.train_updates}"
        model = folder / "checkpoint_last.pt"
        if not model.is_file():
            more = ["--max-update", str(given.train_updates), "--max-tokens", "4096", "--convention", "fairseq"]
            more += ["--cpu", "--save-dir", str(folder), "--no-epoch-checkpoints", "--warmup-updates", "200"]
            _do([str(bin_folder / "fairseq-train"), *words("aat", "tiny", data["tiny"], more)])
    found = {"model": model, "test_data": test_data, "stock_model": made / "stock" / f"{model.stem}.pt"}
    if not found["stock_model"].is_file():
        found["stock_model"].parent.mkdir(exist_ok=True)
        _do([str(bin_folder / "aat"), "export", "fairseq", str(model), "-o", str(found["stock_model"])])
    folder = made / f"ctranslate2_{model.stem}"
    if not folder.is_dir():
        try:
            _do([str(bin_folder / "aat"), "export", "ctranslate2", str(model), "-o", str(folder)])
        except RunFailedError as why:
            say(f"CTranslate2: not run ({str(why).splitlines()[-1]})")
            return found
    return {**found, "ctranslate2": folder}


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
                say(f"{number + 1}/{rounds} {one.name}, {side}: {figures[one.figures[given.clock]]:,.1f}")
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
        compared = shares(inputs) if given.shares else [*training(inputs), *decoding(inputs)]
        if given.only:
            compared = [one for one in compared if one.name in given.only.split(",")]
        if not compared:
            say("nothing to compare: see --only, --sizes, --model")
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
