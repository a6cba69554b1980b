"""One side of the decoding comparison, in a process of its own: the test set's batches through a generator.

    python benchmarks/decode_side.py stock CHECKPOINT DATA [--beam 4] [--batch-size 64] [--sentences 400]
    python benchmarks/decode_side.py aat CHECKPOINT DATA --precision bf16
    python benchmarks/decode_side.py aat CHECKPOINT DATA --try-sizes 32,128,512     which batch size is the quickest

"stock" is fairseq's own task and generator; for the same weights give it what `aat export fairseq` made of ours (a
checkpoint of ours would run our model in stock's search). "aat" is the plugin's, under stock's search rules, so that
hypotheses are equal. Loading is apart. Prints one line of JSON; --hypotheses FILE writes what was said, in the test
set's order. Other words go to fairseq, as those of fairseq-generate.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import latencies, peak, said_figures, spread_out, synchronise
from sides import USER_DIR

FAIRSEQ_RULES = ["--length-penalty", "power", "--stop-rule", "count", "--length-limit", "batch"]


def configured(arguments: list[str]) -> tuple[Any, Any]:
    """Config and task, as fairseq-generate makes them of its words."""
    from fairseq import options, tasks, utils
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    sys.argv[1:] = arguments  # fairseq looks for --user-dir there
    parser = options.get_generation_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, input_args=arguments))
    utils.import_user_module(cfg.common)
    return cfg, tasks.setup_task(cfg.task)


def loaded(given: argparse.Namespace, extra: list[str]) -> tuple[Any, Any, list[Any]]:
    """Config, task and models; the stock side is told of no user-dir, and so loads nothing of the plugin."""
    from fairseq import checkpoint_utils

    limit = ["--max-len-a", str(given.max_len_a), "--max-len-b", "50"]
    if given.forced_length:
        limit = ["--max-len-a", "0", "--max-len-b", str(given.forced_length), "--min-len", str(given.forced_length)]
    own = ["--user-dir", USER_DIR, "--task", "aat_translation", "--precision", given.precision, *FAIRSEQ_RULES]
    cfg, task = configured(
        [str(given.data), "--path", str(given.checkpoint), "--beam", str(given.beam), *limit,
         *(own if given.side == "aat" else ["--task", "translation"]), *extra]
    )  # fmt: skip
    models, _ = checkpoint_utils.load_model_ensemble([str(given.checkpoint)], task=task)
    for model in models:
        model.prepare_for_inference_(cfg)
        if torch.cuda.is_available():
            model.cuda()
    return cfg, task, models


def batches(task: Any, batch_size: int, at_most: int, longest: bool) -> list[Any]:
    """Sentences of the test set by length, as fairseq-generate has them: so many of all lengths, or the longest."""
    if "test" not in task.datasets:
        task.load_dataset("test")
    test = task.dataset("test")
    order = test.ordered_indices().tolist()
    chosen = order[-at_most:] if longest else spread_out(order, at_most)
    return [test.collater([test[index] for index in chosen[start : start + batch_size]])
            for start in range(0, len(chosen), batch_size)]


def measure(
    task: Any, generator: Any, models: list[Any], samples: list[Any]
) -> tuple[dict[str, float], dict[int, str]]:
    """Decode all batches once, after the shortest to warm up."""
    from fairseq import utils

    if torch.cuda.is_available():
        samples = [utils.move_to_cuda(sample) for sample in samples]
    task.inference_step(generator, models, samples[0])
    said, tokens, each, on_processor = {}, 0, [], time.process_time()
    for sample in samples:
        started = time.perf_counter()
        found = task.inference_step(generator, models, sample)
        synchronise()
        each.append(time.perf_counter() - started)
        for index, hypotheses in zip(sample["id"].tolist(), found, strict=True):
            best = hypotheses[0]["tokens"]
            tokens += best.numel()
            said[index] = task.target_dictionary.string(best.int().cpu())
    on_processor = time.process_time() - on_processor
    return {**latencies(each, on_processor, len(said), tokens), "peak_bytes": peak()}, said


def quickest(sizes: list[int], at_most: int, run: Callable[[int, int], dict[str, float]]) -> dict[str, Any]:
    """Which batch size decodes the most sentences a second.

    Args:
        sizes: to be tried.
        at_most: sentences that are decoded with each, or one batch where that is more.
        run: decodes about so many sentences in batches of that size.
    """
    rates = {size: run(size, max(size, at_most))["sentences_per_second"] for size in sizes}
    return {"best": max(rates, key=rates.__getitem__), "sentences_per_second": rates}


def references(task: Any, samples: list[Any]) -> dict[int, str]:
    """What the test set says, by its order."""
    words = task.target_dictionary
    return {
        index: words.string(target, extra_symbols_to_ignore={words.pad()})
        for sample in samples
        for index, target in zip(sample["id"].tolist(), sample["target"], strict=True)
    }


def main() -> None:
    """Parse the words, load, decode, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["stock", "aat"])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sentences", type=int, default=10**9)
    parser.add_argument("--longest", action="store_true", help="take the longest sentences, not the shortest")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--max-len-a", type=float, default=1.0)
    parser.add_argument("--forced-length", type=int, help="every hypothesis has so many tokens before its end")
    parser.add_argument("--hypotheses", type=Path)
    parser.add_argument("--try-sizes", default="", help="only say which of these batch sizes is the quickest")
    given, extra = parser.parse_known_args()
    started = time.perf_counter()
    cfg, task, models = loaded(given, extra)
    generator = task.build_generator(models, cfg.generation)
    if given.try_sizes:
        def run(size: int, number: int) -> dict[str, float]:
            return measure(task, generator, models, batches(task, size, number, given.longest))[0]

        print(json.dumps(quickest([int(one) for one in given.try_sizes.split(",")], given.sentences, run)))
        return
    samples = batches(task, given.batch_size, given.sentences, given.longest)
    loading = time.perf_counter() - started
    figures, said = measure(task, generator, models, samples)
    figures |= said_figures(said, references(task, samples), given.hypotheses)
    print(json.dumps({**figures, "batch_size": given.batch_size, "load_seconds": loading}))


if __name__ == "__main__":
    main()
