"""One side of the decoding comparison, in a process of its own: the test set's batches through a generator.

    python benchmarks/decode_side.py stock CHECKPOINT DATA [--beam 4] [--batch-size 64] [--sentences 400]
    python benchmarks/decode_side.py aat CHECKPOINT DATA --precision bf16

"stock" is fairseq's own task and generator over the same checkpoint (and so, for a checkpoint of ours, over our model:
equal search rules, equal hypotheses); "aat" the plugin's. Loading is apart. Prints one line of JSON; --hypotheses FILE
writes what was said, in the test set's order.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from sides import USER_DIR

FAIRSEQ_RULES = ["--length-penalty", "power", "--stop-rule", "count", "--length-limit", "batch"]


def loaded(given: argparse.Namespace, extra: list[str]) -> tuple[Any, Any, list[Any]]:
    """Config, task and models, as fairseq-generate loads them."""
    from fairseq import checkpoint_utils, options, tasks, utils
    from fairseq.dataclass.utils import convert_namespace_to_omegaconf

    own = ["--task", "aat_translation", "--precision", given.precision, *FAIRSEQ_RULES]
    arguments = [str(given.data), "--path", str(given.checkpoint), "--user-dir", USER_DIR, "--beam", str(given.beam),
                 "--batch-size", str(given.batch_size), "--max-len-a", "1", "--max-len-b", "50", *extra,
                 *(own if given.side == "aat" else ["--task", "translation"])]  # fmt: skip
    sys.argv[1:] = arguments  # fairseq looks for --user-dir there
    parser = options.get_generation_parser()
    cfg = convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, input_args=arguments))
    utils.import_user_module(cfg.common)
    task = tasks.setup_task(cfg.task)
    models, _ = checkpoint_utils.load_model_ensemble([str(given.checkpoint)], task=task)
    for model in models:
        model.prepare_for_inference_(cfg)
        if torch.cuda.is_available():
            model.cuda()
    return cfg, task, models


def batches(task: Any, given: argparse.Namespace) -> list[Any]:
    """The test set by length, as fairseq-generate has it."""
    task.load_dataset("test")
    iterator = task.get_batch_iterator(
        task.dataset("test"), max_sentences=given.batch_size, num_workers=0, required_batch_size_multiple=1
    ).next_epoch_itr(shuffle=False)
    found, count = [], 0
    for batch in iterator:
        if count >= given.sentences:
            break
        count += batch["nsentences"]
        found.append(batch)
    return found


def measure(
    task: Any, generator: Any, models: list[Any], samples: list[Any]
) -> tuple[dict[str, float], dict[int, str]]:
    """Decode all batches once, after one of them to warm up."""
    from fairseq import utils

    if torch.cuda.is_available():
        samples = [utils.move_to_cuda(sample) for sample in samples]
    task.inference_step(generator, models, samples[-1])
    said, tokens, each, on_processor = {}, 0, [], time.process_time()
    for sample in samples:
        started = time.perf_counter()
        found = task.inference_step(generator, models, sample)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        each.append(time.perf_counter() - started)
        for index, hypotheses in zip(sample["id"].tolist(), found, strict=True):
            best = hypotheses[0]["tokens"]
            tokens += best.numel()
            said[index] = task.target_dictionary.string(best.int().cpu())
    seconds, on_processor = sum(each), time.process_time() - on_processor
    each.sort()
    return {
        "sentences_per_second": len(said) / seconds,
        "tokens_per_second": tokens / seconds,
        "seconds": seconds,
        "processor_seconds": on_processor,
        "sentences": len(said),
        "batch_p50": each[len(each) // 2],
        "batch_p95": each[int(len(each) * 0.95)],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }, said


def main() -> None:
    """Parse the words, load, decode, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["stock", "aat"])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sentences", type=int, default=10**9)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--hypotheses", type=Path)
    given, extra = parser.parse_known_args()
    started = time.perf_counter()
    cfg, task, models = loaded(given, extra)
    generator = task.build_generator(models, cfg.generation)
    samples = batches(task, given)
    loading = time.perf_counter() - started
    figures, said = measure(task, generator, models, samples)
    if given.hypotheses:
        given.hypotheses.write_text("".join(f"{said[index]}\n" for index in sorted(said)), encoding="utf-8")
    print(json.dumps({**figures, "load_seconds": loading}))


if __name__ == "__main__":
    main()
