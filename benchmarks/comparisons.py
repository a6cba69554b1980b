"""What is compared: for each comparison its sides, the command of each, and the figure that decides. Needs no torch.

A side is a process of its own that prints one line of JSON. "stock" is what the others are held against.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRAINING = {"wall": "tokens_per_second", "processor": "tokens_per_processor_second"}
MEMORY = {"wall": "peak_bytes", "processor": "peak_bytes"}
OFF = {
    "fused loss": ["--fused-loss", "false"],
    "unpadded": ["--unpadded", "false"],
    "quick dropout": ["--quick-dropout", "false"],
    "fused residual": ["--fused-residual", "false"],
    "fused Adam": ["--fused-adam", "false"],
    "memory kept": ["--keep-memory", "false"],
}
"""Each way of training quicker, and the words that switch it off."""
OFF_IN_HALF = {"half rows": ["--half-rows", "false"]}
"""Those of half precision."""


@dataclass(frozen=True)
class Comparison:
    """Some sides of one thing.

    Attributes:
        name: its key in the summary.
        title: a line for readers.
        sides: name → words of its command.
        figures: the clock → the figure that is compared.
        more_is_better: whether a larger one is.
        size: the model's, whose operations are counted; empty for decoding.
        baseline: the side that the others are divided by.
        medians: key of the summary → the side that is divided by the baseline; where empty, its name → "aat".
        heard: side → the file with what it said, in decoding.
    """

    name: str
    title: str
    sides: Mapping[str, list[str]]
    figures: Mapping[str, str]
    more_is_better: bool = True
    size: str = ""
    baseline: str = "stock"
    medians: Mapping[str, str] = field(default_factory=dict)
    heard: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Inputs:
    """Where everything is, and how much of it is done.

    Attributes:
        folder: for what is made on the way.
        data: size → a data-bin with one joined dictionary.
        vocabulary: size → V.
        max_tokens: size → of a batch.
        updates: size → how many are timed.
        warm_up: updates that are not.
        memory_tokens: of the batch that memory is measured at.
        precisions: for training quicker than float32.
        gpu: whether stock has a half precision too.
        joeynmt: a Python that has JoeyNMT, which is a side then; empty for none.
    """

    folder: Path
    data: Mapping[str, Path]
    vocabulary: Mapping[str, int]
    max_tokens: Mapping[str, int]
    updates: Mapping[str, int]
    warm_up: int = 3
    memory_tokens: int = 8192
    precisions: tuple[str, ...] = field(default=("bf16",))
    gpu: bool = False
    joeynmt: str = ""


def script(name: str, *words: object) -> list[str]:
    """The command of a side."""
    return [sys.executable, str(HERE / f"{name}.py"), *map(str, words)]


def dump(inputs: Inputs, size: str, tokens: int, number: int) -> tuple[Path, list[str]]:
    """Where the batches of stock's iterator go, and the command that writes them."""
    path = inputs.folder / f"{size}_{tokens}.pt"
    words = ("stock", size, inputs.data[size], "--dump", path, "--max-tokens", tokens, "--updates", number)
    return path, script("train_side", *words)


def training(inputs: Inputs) -> list[Comparison]:
    """Whole updates at each size: over the same batches, over each side's own, and memory at a large batch."""
    found: list[Comparison] = []
    for size in inputs.data:
        timed = ("--warm-up", inputs.warm_up, "--updates", inputs.updates[size])
        same = ("--batches", dump(inputs, size, inputs.max_tokens[size], 0)[0], *timed)
        own = ("--own-batches", "--max-tokens", inputs.max_tokens[size], *timed)
        name = "train_speed" if size == "base" else f"train_speed_{size}"
        sides = _with_precisions(inputs, size, *same)
        plain = (size, "--vocabulary", inputs.vocabulary[size], *same)
        sides["torch"] = script("torch_side", *plain)
        if inputs.joeynmt:
            sides["JoeyNMT"] = [inputs.joeynmt, *script("joeynmt_side", *plain)[1:]]
        title = f"Training, {size}, the same batches"
        found.append(Comparison(name, title, sides, TRAINING, size=size, medians=_medians(name, inputs)))
        sides = _with_precisions(inputs, size, *own)
        title, own_name = f"Training, {size}, own batches", f"{name}_own_batches"
        found.append(Comparison(own_name, title, sides, TRAINING, size=size, medians=_medians(own_name, inputs)))
    if "base" in inputs.data:
        batches = dump(inputs, "base", inputs.memory_tokens, 0)[0]
        sides = _with_precisions(inputs, "base", "--batches", batches, "--warm-up", 1, "--updates", 1)
        title, name = f"Peak memory, base, batches of up to {inputs.memory_tokens:,} tokens", "train_memory"
        found.append(Comparison(name, title, sides, MEMORY, more_is_better=False, medians=_medians(name, inputs)))
    return found


def _with_precisions(inputs: Inputs, size: str, *words: object) -> dict[str, list[str]]:
    """Stock in float32 and on a GPU in fp16, and the plugin in float32 and in each quicker precision."""
    given = (size, inputs.data[size], *words)
    sides = {side: script("train_side", side, *given) for side in ("stock", "aat")}
    if inputs.gpu:
        sides["stock fp16"] = script("train_side", "stock", *given, "--fp16")
    sides |= {f"aat {one}": script("train_side", "aat", *given, "--precision", one) for one in inputs.precisions}
    return sides


def _medians(name: str, inputs: Inputs) -> dict[str, str]:
    """What the summary says under a comparison's name: the first quicker precision; float32 has a name of its own."""
    quick = f"aat {inputs.precisions[0]}" if inputs.precisions else "aat"
    return {name: quick, f"{name}_fp32": "aat"}


def shares(inputs: Inputs) -> list[Comparison]:
    """Each way of training quicker: all on, and each off in turn; the ratio is what the rest is worth without it.

    In the first quicker precision, if there is one, and there also without it; the ways are worth most where products
    are quickest.
    """
    found: list[Comparison] = []
    precision = inputs.precisions[0] if inputs.precisions else "float32"
    off_in_turn = OFF if precision == "float32" else {**OFF, **OFF_IN_HALF, precision: ["--precision", "float32"]}
    for size in inputs.data:
        batches = dump(inputs, size, inputs.max_tokens[size], 0)[0]
        words = ("aat", size, inputs.data[size], "--batches", batches, "--precision", precision)
        words += ("--warm-up", inputs.warm_up, "--updates", inputs.updates[size])
        sides = {"all on": script("train_side", *words)}
        sides |= {f"without {way}": script("train_side", *words, *off) for way, off in off_in_turn.items()}
        every = [word for off in off_in_turn.values() for word in off]
        sides["all off"] = script("train_side", *words, *every)
        title = f"Shares, {size}, {precision}: each way off"
        found.append(Comparison(f"shares_{size}", title, sides, TRAINING, size=size, baseline="all on"))
    return found
