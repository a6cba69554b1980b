"""What every side counts, in one place: real tokens, time of the wall and of the processor, memory, what was said."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch


def measured(update: Callable[[Any], float], batches: Sequence[Any], warm_up: int, updates: int) -> dict[str, float]:
    """Time `updates` updates after `warm_up`, going round the batches.

    Args:
        update: makes one and returns its loss in bits a token.
        batches: fairseq's samples.
        warm_up: updates that are not counted.
        updates: those that are.
    """
    keep_peaks()
    used: list[Any] = []
    losses: list[float] = []
    before = current()
    for number in range(warm_up + updates):
        if number == warm_up:
            synchronise()
            started, on_processor = time.perf_counter(), time.process_time()
        batch = batches[number % len(batches)]
        loss = update(batch)
        if number >= warm_up:
            used.append(batch)
            losses.append(loss)
    synchronise()
    seconds, on_processor = time.perf_counter() - started, time.process_time() - on_processor
    tokens = sum(batch["ntokens"] for batch in used)
    return {
        "tokens_per_second": tokens / seconds,
        "tokens_per_processor_second": tokens / on_processor,
        "seconds_per_update": seconds / updates,
        "seconds": seconds,
        "processor_seconds": on_processor,
        "target_tokens": tokens,
        "largest_batch": max(batch["ntokens"] for batch in batches),
        "padding_share": 1 - tokens / sum(batch["target"].numel() for batch in used),
        "peak_bytes": peak(),
        "bytes_before": before,
        "last_loss": losses[-1],
        **_source(used),
    }


def _source(used: Sequence[Any]) -> dict[str, float]:
    """Source tokens, and the mean length of a sentence over target tokens: what operations are counted from."""
    lengths = [batch["target"].ne(1).sum(dim=1).float() for batch in used]
    squares, tokens = sum(float((one**2).sum()) for one in lengths), sum(float(one.sum()) for one in lengths)
    source = sum(int(batch["net_input"]["src_lengths"].sum()) for batch in used)
    return {"source_tokens": source, "mean_length": squares / tokens}


def synchronise() -> None:
    """Wait for the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


_PEAKS: list[int] = []


def keep_peaks() -> None:
    """Note CUDA's peak each time it is forgotten: fairseq's trainer does so after each update, for its log."""
    forget = torch.cuda.reset_peak_memory_stats

    def noted(*arguments: Any) -> None:
        _PEAKS.append(torch.cuda.max_memory_allocated())
        forget(*arguments)

    torch.cuda.reset_peak_memory_stats = noted


def peak() -> int:
    """The most memory that this process held: on CUDA what was allocated, else the resident set."""
    if torch.cuda.is_available():
        return max([*_PEAKS, torch.cuda.max_memory_allocated()])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def current() -> int:
    """What it holds now; 0 where the system does not say."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else 0


def spread_out(found: Sequence[Any], wanted: int) -> list[Any]:
    """At most `wanted` of `found`, evenly over their order, its middle included."""
    number = min(len(found), wanted)
    return [found[(2 * place + 1) * len(found) // (2 * number)] for place in range(number)]


def latencies(each: list[float], on_processor: float, sentences: int, tokens: int) -> dict[str, float]:
    """Rates of decoding, and how long a batch took at the median and in the slowest twentieth.

    Args:
        each: seconds of each batch.
        on_processor: the processor's seconds of all of them.
        sentences: that were decoded.
        tokens: of the best hypotheses.
    """
    seconds, by_length = sum(each), sorted(each)
    return {
        "sentences_per_second": sentences / seconds,
        "sentences_per_processor_second": sentences / on_processor,
        "tokens_per_second": tokens / seconds,
        "tokens_a_sentence": tokens / sentences,
        "seconds": seconds,
        "processor_seconds": on_processor,
        "sentences": sentences,
        "batch_p50": by_length[len(by_length) // 2],
        "batch_p95": by_length[int(len(by_length) * 0.95)],
    }


def said_figures(said: dict[int, str], references: dict[int, str], file: Path | None) -> dict[str, float]:
    """BLEU over joined pieces as they are tokenised; what was said goes to `file`, each line after its number."""
    import sacrebleu

    order = sorted(said)
    if file is not None:
        file.write_text("".join(f"{index}\t{said[index]}\n" for index in order), encoding="utf-8")
    hypotheses, wanted = ([_joined(lines[index]) for index in order] for lines in (said, references))
    return {"bleu": sacrebleu.corpus_bleu(hypotheses, [wanted], tokenize="none", force=True).score}


def _joined(line: str) -> str:
    return f"{line} ".replace("@@ ", "").strip()
