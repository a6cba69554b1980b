"""What each choice of the protocol (Section 6.1) is worth, on one run's checkpoints and test set: docs/protocol.md.

    python benchmarks/protocol_side.py RUN DATA --raw test.en --ref test.de -o OUT [--sentences 500] [--lowercase]

RUN holds checkpoints by update, DATA is what `aat prepare` made, both texts are raw. Each row changes one thing of the
paper's protocol (average of 5, beam 4, α 0.6, |x| + 50, stopping bound) and is scored by four protocols. Translations
that are in OUT are not made again. --lowercase is for a model of lower-cased text.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from aat_plugin.bindings.generator import build_generator
from aat_plugin.bindings.translator import Search, Translator
from aat_plugin.corpora.files import read_lines
from aat_plugin.corpora.system import opened
from aat_plugin.translation import bleu

FLAGS: dict[str, Any] = {"beam": 4, "lenpen": 0.6, "max_len_a": 1, "max_len_b": 50}
RULES: dict[str, Any] = {"length_penalty": "gnmt", "stop_rule": "bound", "length_limit": "sentence"}
FAIRSEQ = {"beam": 5, "lenpen": 1.0, "max_len_a": 0, "max_len_b": 200, "length_penalty": "power", "stop_rule": "count",
           "length_limit": "batch"}  # fmt: skip
CHANGES: list[tuple[str, int, dict[str, Any]]] = [
    ("the paper's", 5, {}),
    ("the last checkpoint alone", 1, {}),
    ("average of 10", 10, {}),
    ("average of 20", 20, {}),
    ("beam 1 (greedy)", 5, {"beam": 1}),
    ("beam 2", 5, {"beam": 2}),
    ("beam 8", 5, {"beam": 8}),
    ("α 0 (no penalty)", 5, {"lenpen": 0}),
    ("α 1", 5, {"lenpen": 1}),
    ("α 0.6 as fairseq's \\|Y\\|^α", 5, {"length_penalty": "power"}),
    ("fairseq's defaults: beam 5, \\|Y\\|^1, stop at 5 finished, limit 200", 5, FAIRSEQ),
    ("limit \\|x\\| + 10", 5, {"max_len_b": 10}),
    ("limit \\|x\\|", 5, {"max_len_b": 0}),
    ("limit 200", 5, {"max_len_a": 0, "max_len_b": 200}),
]
PROTOCOLS = ("paper", "multi-bleu", "sacrebleu", "t2t")


def averaged(given: Namespace, last: int) -> Path:
    """The mean of the run's last checkpoints; made once."""
    file: Path = given.out / f"averaged.{last}.pt"
    if not file.exists():
        aat = Path(sys.executable).parent / "aat"
        words = [aat, "average", given.run, "--last", last, "--by", "update", "-o", file]
        subprocess.run(list(map(str, words)), check=True, capture_output=True)
    return file


def translated(given: Namespace, sources: list[str], last: int, options: dict[str, Any], out: Path) -> list[str]:
    """The sources in the target language, as text."""
    if out.exists():
        return read_lines(out)
    with opened(averaged(given, last), given.data) as system:
        encode, decode = system.encoder(), system.decoder()
        languages = (system.source_lang, system.target_lang)
        translator = Translator([system.model], system.folder, languages, Search(), "cpu", system.pieces)
        flags = {name: options.get(name, value) for name, value in FLAGS.items()}
        rules = {name: options.get(name, value) for name, value in RULES.items()}
        translator.generator = build_generator(translator.task, translator.models, Namespace(**flags), search=rules)
        found = translator.translate([encode(line) for line in sources])
        lines = [decode(best[0].tokens) for best in found]
    out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lines


def without_case_or_hyphens(said: list[str], meant: list[str]) -> dict[str, float]:
    """The same translations counted in other ways."""
    from sacrebleu.metrics.bleu import BLEU
    from sacremoses import MosesTokenizer

    found = {f"`{protocol}` without case": bleu.score(said, meant, bleu.Setting(protocol, lowercase=True)).score
             for protocol in ("paper", "sacrebleu")}
    tokenise = MosesTokenizer("de").tokenize
    sides = [[tokenise(line, return_str=True, aggressive_dash_splits=True) for line in lines]
             for lines in (said, meant)]
    apart = BLEU(tokenize="none", smooth_method="none", force=True).corpus_score(sides[0], [sides[1]]).score
    return {**found, "`multi-bleu` with Moses' `-a` (hyphens apart)": float(apart)}


def main() -> None:
    """Measure all rows and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--ref", type=Path, required=True)
    parser.add_argument("--lowercase", action="store_true", help="the model's text is: the reference too")
    parser.add_argument("--sentences", type=int, default=None, help="the first so many; default: all")
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sources, meant = (read_lines(path)[: given.sentences] for path in (given.raw, given.ref))
    if given.lowercase:
        meant = [line.lower() for line in meant]
    print("| | " + " | ".join(f"`{protocol}`" for protocol in PROTOCOLS) + " | length | brevity penalty |")
    print("|---|" + "---|" * (len(PROTOCOLS) + 2))
    rows: dict[str, Any] = {}
    there = len(list(given.run.glob("checkpoint_*_*.pt")))
    for number, (name, last, options) in enumerate(CHANGES):
        if last > there:
            continue  # the run has not kept so many
        said = translated(given, sources, last, options, given.out / f"{number:02d}.de")
        scores = {protocol: bleu.score(said, meant, bleu.Setting(protocol)) for protocol in PROTOCOLS}
        rows[name] = {protocol: score.score for protocol, score in scores.items()}
        first = scores["multi-bleu"]
        print(f"| {name} | {' | '.join(f'{score.score:.2f}' for score in scores.values())} | "
              f"{first.hypothesis_length / first.reference_length:.3f} | {first.brevity_penalty:.3f} |", flush=True)
    rows["counted otherwise"] = without_case_or_hyphens(read_lines(given.out / "00.de"), meant)
    for name, score in rows["counted otherwise"].items():
        print(f"{name}: {score:.2f}")
    (given.out / "protocol.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
