"""What was measured, as medians for scripts and as a table for readers; raw numbers included. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from comparisons import Comparison
from decoding import alike
from ratios import claim, gain, ratios, spread
from sides import SIZES

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import operations
from aat_plugin.results import provenance

RAW = ("tokens_per_second", "tokens_per_processor_second", "sentences_per_second", "sentences_per_processor_second",
       "peak_bytes", "padding_share", "last_loss", "bleu", "batch_p50", "batch_p95", "load_seconds")  # fmt: skip

TRAINED = ("padding", "of the product rate")
DECODED = ("BLEU", "same as stock's", "tokens a sentence", "sentences a batch", "p95 of a batch, s")


def summary(compared: Sequence[Comparison], found: dict[str, Any], clock: str) -> dict[str, Any]:
    """The median ratio plugin / stock of each comparison by its name, and the clock that was compared."""
    medians: dict[str, Any] = {"clock": clock}
    for one in compared:
        for key, side in (one.medians or {one.name: "aat"}).items():
            numbers = ratios(found[one.name], one.figures[clock], side, one.baseline)
            if numbers:
                medians[key] = round(spread(numbers).median, 4)
    return medians


def lines(compared: Sequence[Comparison], found: dict[str, Any], clock: str, command: str) -> Iterator[str]:
    """The report in Markdown."""
    about = provenance.collect([command], [])
    yield f"# {about['date'][:10]}: plugin and stock fairseq, {_clock(clock)}"
    yield ""
    yield f"`{command}`"
    yield ""
    for name in ("hardware", "threads", "plugin", "versions"):
        yield f"- {name}: {about[name]}"
    rates = list(found["matrix_rate"].values())
    for kind in ("float32", "bf16") if rates else ():
        rate = spread([float(one[_rate(kind, clock)]) / 1e9 for one in rates])
        yield f"- matrix products, {kind}: {rate.median:.0f} GFLOP/s ({rate.smallest:.0f} to {rate.largest:.0f})"
    for one in compared:
        if found[one.name]:
            yield ""
            yield from _table(one, found, clock)


def _rate(kind: str, clock: str) -> str:
    return kind if clock == "wall" else f"{kind}_processor"


def _clock(clock: str) -> str:
    return {"wall": "time of the wall", "processor": "the processor's seconds (on a machine that was busy)"}[clock]


def _table(one: Comparison, found: dict[str, Any], clock: str) -> Iterator[str]:
    rounds, figure = found[one.name], one.figures[clock]
    yield f"## {one.title}"
    yield ""
    yield f"`{figure}`; gain over {one.baseline} within a round: smallest / median / largest."
    yield ""
    more = DECODED if one.heard else TRAINED
    yield f"| side | median | gain | claim | peak MB | {' | '.join(more)} | rounds |"
    yield f"|{'---|' * (len(more) + 6)}"
    for side in one.sides:
        mine = [sides[side] for sides in rounds.values() if side in sides]
        if not mine:
            yield f"| {side} | not run | {'| ' * (len(more) + 3)}0 |"
            continue
        numbers = ratios(rounds, figure, side, one.baseline)
        better = gain(spread(numbers), one.more_is_better)
        said = "" if side == one.baseline else claim(spread(numbers), one.more_is_better)
        cells = [
            side, f"{spread([one_of[figure] for one_of in mine]).median:,.{1 if one.more_is_better else 4}f}",
            f"{better.smallest:.2f} / {better.median:.2f} / {better.largest:.2f}", said,
            f"{spread([one_of['peak_bytes'] / 1e6 for one_of in mine]).median:,.0f}",
            *(_decoded(one, side, mine) if one.heard else _trained(one, mine, found, clock)), str(len(mine)),
        ]  # fmt: skip
        yield f"| {' | '.join(cells)} |"
    yield ""
    for number, sides in sorted(rounds.items()):
        for side, figures in sides.items():
            raw = ", ".join(f"{name} {figures[name]:.6g}" for name in RAW if name in figures)
            yield f"- round {number + 1}, {side}: {raw}"


def _trained(one: Comparison, mine: Sequence[Any], found: dict[str, Any], clock: str) -> tuple[str, ...]:
    padding = f"{mine[0]['padding_share']:.1%}" if "padding_share" in mine[0] else ""
    return padding, _share(one, mine, found, clock)


def _decoded(one: Comparison, side: str, mine: Sequence[Any]) -> tuple[str, ...]:
    """What was said is the same in each round, but for sums in another order of threads; the first round's is given."""
    first, same = mine[0], alike(one.heard, side, one.baseline)
    slowest = spread([float(figures["batch_p95"]) for figures in mine]).median
    return (f"{first['bleu']:.2f}", "" if same is None else f"{same:.1%}", f"{first['tokens_a_sentence']:.1f}",
            f"{first['batch_size']}" if first["batch_size"] <= first["sentences"] else "", f"{slowest:.4f}")


def _share(one: Comparison, mine: Sequence[Any], found: dict[str, Any], clock: str) -> str:
    """Operations a second over the rate of products that this run measured, in float32."""
    if not one.size or not found["matrix_rate"]:
        return ""
    d_model, d_ff, heads, layers, _ = SIZES[one.size]
    first = mine[0]
    types = int(first["vocabulary"]) if "vocabulary" in first else 0
    if not types:
        return ""
    config = TransformerConfig(types, types, layers, d_model, d_ff, heads, d_model // heads, d_model // heads)
    needed = operations(config, int(first["source_tokens"]), int(first["target_tokens"]), first["mean_length"]).update
    seconds = spread([figures["processor_seconds" if clock == "processor" else "seconds"] for figures in mine]).median
    rate = spread([float(numbers[_rate("float32", clock)]) for numbers in found["matrix_rate"].values()]).median
    return f"{needed / seconds / rate:.0%}"
