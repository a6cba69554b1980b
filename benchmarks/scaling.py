"""How training's speed goes with the length of sentences, the batch and the vocabulary: stock fairseq and the plugin.

    python benchmarks/scaling.py --out runs/scaling [--size tiny] [--sweeps length,batch,vocabulary] [--clock processor]

Each point is a batch without padding, made up, and a process of its own a side (`train_side.py`); finished ones are
kept. OUT/scaling.json has every figure, OUT/length.svg and the like the pictures.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
from comparisons import TRAINING, script
from kept import RunFailedError, run, say, write
from make_data import write as write_data

from aat_plugin.results import provenance
from aat_plugin.results.charts import line_chart, save

LENGTHS = (32, 64, 128, 256, 512, 1024, 2048)
BATCHES = (1024, 2048, 4096, 8192, 16384)
VOCABULARIES = (1000, 4000, 10_000, 20_000, 37_000)
TOKENS, LENGTH, VOCABULARY = 4096, 32, 10_000
"""Where the other two stay: near Multi30k's."""
SIDES = {"stock": [], "aat": [], "aat bf16": ["--precision", "bf16"]}
EOS = 2


def points(sweep: str) -> list[tuple[int, int, int, int]]:
    """(what varies, tokens a batch, length, V) of each point."""
    if sweep == "length":
        return [(one, TOKENS, one, VOCABULARY) for one in LENGTHS]
    if sweep == "batch":
        return [(one, one, LENGTH, VOCABULARY) for one in BATCHES]
    return [(one, TOKENS, LENGTH, one) for one in VOCABULARIES]


def batch(tokens: int, length: int, vocabulary: int, seed: int) -> dict[str, Any]:
    """fairseq's sample of tokens / length sentences, each of `length` tokens with its end symbol on both sides."""
    generator = torch.Generator().manual_seed(seed)
    sentences = tokens // length
    source, target = (torch.randint(4, vocabulary, (sentences, length), generator=generator) for _ in range(2))
    source[:, -1] = target[:, -1] = EOS
    previous = target.roll(1, dims=1)
    lengths = torch.full((sentences,), length)
    net_input = {"src_tokens": source, "src_lengths": lengths, "prev_output_tokens": previous}
    return {"id": torch.arange(sentences), "nsentences": sentences, "ntokens": sentences * length,
            "net_input": net_input, "target": target}  # fmt: skip


def measured(given: argparse.Namespace, sweep: str) -> dict[str, list[tuple[int, float]]]:
    """side → (what varies, tokens a second)."""
    found: dict[str, list[tuple[int, float]]] = {side: [] for side in SIDES}
    made, code = given.out / "made", provenance.commit()
    for varies, tokens, length, vocabulary in points(sweep):
        data, batches = made / f"data_{vocabulary}", made / f"{tokens}_{length}_{vocabulary}.pt"
        if not batches.is_file():
            write_data(data, vocabulary, pairs=10, mean=5.0)
            torch.save([batch(tokens, length, vocabulary, seed) for seed in range(2)], batches)
        for side, words in SIDES.items():
            command = [*script("train_side", side.split()[0], given.size, data, "--batches", batches), "--warm-up", "1"]
            command += ["--updates", str(given.updates), "--max-source-positions", "2048", "--max-target-positions",
                        "2048", *words]  # fmt: skip
            place = given.out / "raw" / sweep / f"{varies}.{side.replace(' ', '_')}.json"
            try:
                figures = run(place, command, given.limit, code)
            except RunFailedError as why:
                say(f"{sweep} {varies}, {side}: not run ({str(why).splitlines()[-1]})")
                continue
            found[side].append((varies, figures[TRAINING[given.clock]]))
            say(f"{sweep} {varies}, {side}: {found[side][-1][1]:,.0f} tokens/s")
    return found


def main() -> int:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/scaling"))
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--sweeps", default="length,batch,vocabulary")
    parser.add_argument("--updates", type=int, default=3, help="timed updates of each point")
    parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds that one point may take")
    given = parser.parse_args()
    sweeps, titles = given.sweeps.split(","), {
        "length": "tokens a sentence", "batch": "tokens a batch", "vocabulary": "types",
    }  # fmt: skip
    if unknown := sorted(set(sweeps) - set(titles)):
        parser.error(f"no sweep {unknown[0]}: {', '.join(titles)}")
    (given.out / "made").mkdir(parents=True, exist_ok=True)
    everything: dict[str, Any] = {}
    for sweep in sweeps:
        everything[sweep] = measured(given, sweep)
        write(given.out / "scaling.json", everything)
        alt = f"Target tokens a second of training, {given.size}, against {titles[sweep]}, for {', '.join(SIDES)}."
        picture = line_chart(everything[sweep], x=titles[sweep], y="tokens a second", alt=alt, log_x=True, log_y=True)
        save(picture, given.out / f"{sweep}.svg")
    say(f"{given.out / 'scaling.json'}, {given.out}/*.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
