"""How fast `aat prepare wmt14_en_de` is, and how much memory it takes, stage by stage; and the stock recipe beside it.

    python benchmarks/prepare_side.py OUT --pairs 1000000 --stock 100000 --workers 2

Archives like WMT14's are made of generated text (`make_text`), fetched from a file:// mirror and prepared with the
defaults: everything from fetching to data-bin. Seconds are the wall's and the processors' (of all processes, which a
busy machine does not change much). Memory is that of all processes together (proportional set size), read
five times a second. The stock recipe is one process of sacremoses, subword-nmt and fairseq-preprocess on the first
`--stock` pairs; every file that both make is compared. Prints tables and writes OUT/measured.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from make_text import lines

LONGEST, RATIO = 250, 9.0
SHARES = {"training/europarl-v7": 0.42, "commoncrawl": 0.53, "training/news-commentary-v9": 0.05}
ARCHIVES = {"training/europarl-v7": "wmt13/training-parallel-europarl-v7.tgz",
            "commoncrawl": "wmt13/training-parallel-commoncrawl.tgz",
            "training/news-commentary-v9": "wmt14/training-parallel-nc-v9.tgz"}
FULL = {"EN-DE, 4.5 M pairs": 4_500_000, "EN-FR, 36 M pairs": 36_000_000}
SAID = re.compile(r"(?P<stage>[^:]+): (?P<rest>.*?)(?P<seconds>[0-9.]+) s(?:, [0-9,]+ lines/s)?$")
TIMES = ("seconds", "processor")
Sides = tuple[list[str], list[str]]


def make_mirror(folder: Path, pairs: int) -> None:
    """statmt.org's archives with generated text; made once."""
    if (folder / "complete").exists():
        return
    source = lines(pairs, 1)
    for name, share in SHARES.items():
        part = list(islice(source, round(pairs * share)))
        _pack(folder / ARCHIVES[name], {f"{name}.de-en.{language}": _text([pair[side] for pair in part])
                                        for side, language in enumerate(("en", "de"))})
    dev, test = list(lines(3_000, 2)), list(lines(3_003, 3))
    _pack(folder / "wmt14/dev.tgz", {f"dev/newstest2013.{language}": _text([pair[side] for pair in dev])
                                     for side, language in enumerate(("en", "de"))})
    _pack(folder / "wmt14/test-full.tgz", {
        f"test-full/newstest2014-deen-{kind}.{language}.sgm":
            _text([f'<seg id="{number}">{pair[side]}</seg>' for number, pair in enumerate(test, 1)])
        for side, (kind, language) in enumerate((("src", "en"), ("ref", "de")))
    })  # fmt: skip
    (folder / "complete").touch()


def _text(said: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in said).encode()


def _pack(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))


class Memory(threading.Thread):
    """Watches a process and its children; `peak` since it was last read, in MiB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._peak, self.running = pid, 0, True

    def run(self) -> None:
        """Until `running` is false."""
        while self.running:
            self._peak = max(self._peak, sum(map(_held, _family(self._pid))))
            time.sleep(0.2)  # reading it is no small work for a large process

    def peak(self) -> float:
        """The highest sum since the last call."""
        peak, self._peak = self._peak, 0
        return round(peak / 1024, 1)


def _family(pid: int) -> list[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in found for one in _family(int(child)))]


def _held(pid: int) -> int:
    """KiB, shared pages by their share."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0
    found = re.search(r"^Pss: +([0-9]+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def processor_seconds(pid: int) -> float:
    """Of a process and those below it, those that have ended included."""
    total = 0
    for one in _family(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def ours(out: Path, words: Sequence[str]) -> list[dict[str, Any]]:
    """Run the command; a row for each stage: name, seconds, counts, peak memory in MiB."""
    shutil.rmtree(out, ignore_errors=True)
    line = [str(Path(sys.executable).parent / "aat"), "prepare", "wmt14_en_de", "-o", str(out), "--any-content", *words]
    running = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    memory, rows, before = Memory(running.pid), [], 0.0
    memory.start()
    for said in running.stdout:
        if found := SAID.fullmatch(said.strip()):
            after = processor_seconds(running.pid)
            rows.append({"stage": found["stage"], "seconds": float(found["seconds"]), "processor": after - before,
                         "peak_mib": memory.peak(), "said": found["rest"].strip(", ")})
            before = after
    memory.running = False
    if running.wait():
        sys.exit(f"{' '.join(line)} failed")
    records = json.loads((out / "manifest.json").read_text())["stages"]
    return [{**row, "lines": records[row["stage"]]["counts"].get("lines")} for row in rows]


def stock(raw: dict[str, Sides], out: Path, merges: int) -> dict[str, float]:
    """The recipe's steps in one process: seconds of each; files as ours are named."""
    from sacremoses import MosesPunctNormalizer, MosesTokenizer
    from subword_nmt.apply_bpe import BPE
    from subword_nmt.learn_bpe import learn_bpe

    shutil.rmtree(out, ignore_errors=True)
    for name in ("tokens", "subwords", "cleaned"):
        (out / name).mkdir(parents=True)
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), sum(os.times()[:4])
        result = work()
        took[name] = took.get(name, 0) + time.perf_counter() - wall
        took["processor"] = took.get("processor", 0) + sum(os.times()[:4]) - processor
        return result

    def tokenise(said: list[str], language: str) -> list[str]:
        normalise, cut = MosesPunctNormalizer(language).normalize, MosesTokenizer(language).tokenize
        return [cut(normalise(f"{line}\n"), return_str=True) for line in said]

    tokens = {split: tuple(timed("tokenise", lambda side=side, name=name: tokenise(side, name))
                           for side, name in zip(sides, ("en", "de"), strict=True)) for split, sides in raw.items()}
    both, codes = io.StringIO("".join(f"{line}\n" for side in tokens["train"] for line in side)), io.StringIO()
    timed("learn subwords", lambda: learn_bpe(both, codes, merges, 2))
    (out / "bpecodes").write_text(codes.getvalue())
    cut = BPE(io.StringIO(codes.getvalue()))
    pieces = {split: tuple(timed("subwords", lambda side=side: [cut.process_line(line) for line in side])
                           for side in sides) for split, sides in tokens.items()}
    cleaned = {**pieces, "train": timed("clean", lambda: _clean(pieces["train"]))}
    for folder, made in (("tokens", tokens), ("subwords", pieces), ("cleaned", cleaned)):
        for split, sides in made.items():
            for side, name in zip(sides, ("en", "de"), strict=True):
                (out / folder / f"{split}.{name}").write_bytes(_text(side))
    words = [str(Path(sys.executable).parent / "fairseq-preprocess"), "-s", "en", "-t", "de", "--joined-dictionary",
             *(f"--{split}pref={out / 'cleaned' / split}" for split in raw), "--destdir", str(out / "data-bin")]
    timed("binarise", lambda: subprocess.run(words, check=True, capture_output=True))
    return took


def _clean(sides: Sides) -> Sides:
    kept = [(one, two) for one, two in zip(*sides, strict=True) if _stays(len(one.split()), len(two.split()))]
    return [one for one, _ in kept], [two for _, two in kept]


def _stays(source: int, target: int) -> bool:
    return 0 < source <= LONGEST and 0 < target <= LONGEST and max(source / target, target / source) <= RATIO


def compared(one: Path, other: Path) -> list[str]:
    """The files that both have and that differ; the stock log apart."""
    names = [path.relative_to(other) for path in other.rglob("*") if path.is_file() and path.suffix != ".log"]
    same = {str(name): (one / name).is_file() and (one / name).read_bytes() == (other / name).read_bytes()
            for name in names if "cleaned" not in str(name) or "train" in name.name}
    return [f"{sum(same.values())} of {len(same)} files are the same to the byte",
            *(f"differs: {name}" for name, equal in same.items() if not equal)]


def main() -> None:
    """Make, measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--stock", type=int, default=0, help="pairs for the comparison with the stock recipe; 0: none")
    parser.add_argument("--merges", type=int, default=37_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--wordpiece", action="store_true", help="a second run with word-pieces")
    given = parser.parse_args()
    mirror = given.out / "mirror"
    make_mirror(mirror, given.pairs)
    words = ["--mirror", mirror.resolve().as_uri(), "--workers", str(given.workers), "--bpe", str(given.merges)]
    measured: dict[str, Any] = {"pairs": given.pairs, "workers": given.workers, "cores": len(os.sched_getaffinity(0))}
    measured["bpe"] = ours(given.out / "bpe", [*words, "--duplicates", "drop"])
    show(measured["bpe"], given.pairs)
    if given.wordpiece:
        measured["wordpiece"] = ours(given.out / "wordpiece", [*words, "--pieces", "wordpiece"])
        show(measured["wordpiece"], given.pairs)
    if given.stock:
        measured["stock"] = beside(given.out, given.stock, given.merges, words[2:])
    (given.out / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")


def show(rows: list[dict[str, Any]], pairs: int) -> None:
    """A row a stage, and what it would be for the full corpora."""
    print("| stage | seconds | processor's | lines/s | lines a processor's second | peak MiB |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        rates = [f"{row['lines'] / max(row[what], 0.01):,.0f}" if row["lines"] else "" for what in TIMES]
        print(f"| {row['stage']} | {row['seconds']:.1f} | {row['processor']:.1f} | {' | '.join(rates)} | "
              f"{row['peak_mib']:,.0f} |")
    totals = [sum(row[what] for row in rows) for what in TIMES]
    fixed = [sum(row[what] for row in rows if row["stage"] == "learn subwords") for what in TIMES]
    rates = [f"{pairs / total:,.0f}" for total in totals]
    peak = max(row["peak_mib"] for row in rows)
    print(f"| all | {totals[0]:.1f} | {totals[1]:.1f} | {' | '.join(rates)} | {peak:,.0f} |")
    for name, full in FULL.items():
        hours = [(same + (total - same) * full / pairs) / 3600 for same, total in zip(fixed, totals, strict=True)]
        print(f"projected, {name}: {hours[0]:.2f} h, of processors {hours[1]:.2f} h "
              "(learning subwords taken as constant, the rest as proportional)")


def beside(out: Path, pairs: int, merges: int, words: Sequence[str]) -> dict[str, Any]:
    """Ours, with these words, and the stock recipe on the same pairs."""
    parts = [out / "bpe" / "raw" / f"{name.rpartition('/')[2]}.de-en" for name in SHARES]
    raw, folder = {}, out / "first"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    raw["train"] = tuple(_first(Path(f"{parts[0]}.{side}"), pairs) for side in ("en", "de"))
    raw["valid"] = tuple(_first(out / "bpe/raw" / f"newstest2013.{side}", 3_000) for side in ("en", "de"))
    raw["test"] = tuple(_first(out / "bpe/raw" / f"newstest2014-deen-{kind}", 3_003) for kind in ("src.en", "ref.de"))
    for side, name in enumerate(("en", "de")):
        (folder / f"{parts[0].name}.{name}").write_bytes(_text(raw["train"][side]))
        for part in parts[1:]:
            (folder / f"{part.name}.{name}").write_bytes(b"\n")  # an empty pair, which cleaning leaves out
            raw["train"][side].append("")
        (folder / f"newstest2013.{name}").write_bytes(_text(raw["valid"][side]))
        tests = [f'<seg id="1">{line}</seg>' for line in raw["test"][side]]
        (folder / f"newstest2014-deen-{('src', 'ref')[side]}.{name}.sgm").write_bytes(_text(tests))
    rows = ours(out / "small", ["--raw", str(folder), *words])
    took = stock(raw, out / "stock", merges)
    ours_took, ours_processor = (sum(row[what] for row in rows) for what in ("seconds", "processor"))
    processor = took.pop("processor")
    said = compared(out / "small", out / "stock")
    print(f"\n{pairs:,} pairs: ours {ours_took:.1f} s, stock {sum(took.values()):.1f} s "
          f"({', '.join(f'{name} {seconds:.1f}' for name, seconds in took.items())}): "
          f"{sum(took.values()) / ours_took:.1f} times; of the processors' time {ours_processor:.1f} s and "
          f"{processor:.1f} s: {processor / ours_processor:.1f} times; {'; '.join(said)}")
    return {"pairs": pairs, "ours": rows, "stock": took, "stock_processor": processor, "compared": said}


def _first(path: Path, most: int) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [line.removesuffix("\n") for line in islice(file, most)]


if __name__ == "__main__":
    main()
