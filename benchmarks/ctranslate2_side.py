"""A further column of the decoding comparison: CTranslate2 on the same test set, in the same batches.

    python benchmarks/ctranslate2_side.py FOLDER DATA [--beam 4] [--batch-size 64] [--compute int8]

FOLDER is what `aat export ctranslate2` made. The length limit is the batch's, as on the other sides; its search is
|Y|^α, stopping at `beam` finished hypotheses. The line of JSON has decode_side's keys.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import ctranslate2
import torch
from decode_side import batches, configured
from measuring import latencies, peak, said_figures

Words = dict[int, list[str]]


def sentences(given: argparse.Namespace, extra: list[str]) -> tuple[list[list[int]], Words, Words]:
    """The test set's indices in fairseq's batches, and its source and target as words."""
    _, task = configured([str(given.data), "--path", "unused", "--task", "translation", *extra])
    samples = batches(task, given.batch_size, given.sentences, given.longest)
    chosen = [sample["id"].tolist() for sample in samples]
    pairs = task.dataset("test")

    def words(side: Any, dictionary: Any) -> Words:
        return {index: [dictionary[token] for token in side[index][:-1]] for batch in chosen for index in batch}

    return chosen, words(pairs.src, task.source_dictionary), words(pairs.tgt, task.target_dictionary)


def main() -> None:
    """Parse the words, load, decode, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--sentences", type=int, default=10**9)
    parser.add_argument("--compute", default="default")
    parser.add_argument("--max-len-a", type=float, default=1.0)
    parser.add_argument("--max-len-b", type=float, default=50.0)
    parser.add_argument("--hypotheses", type=Path)
    parser.add_argument("--longest", action="store_true")
    given, extra = parser.parse_known_args()
    chosen, source, target = sentences(given, extra)
    started = time.perf_counter()
    translator = ctranslate2.Translator(
        str(given.folder), compute_type=given.compute, intra_threads=torch.get_num_threads(), inter_threads=1
    )
    loading = time.perf_counter() - started

    def run(batch: list[int]) -> list[Any]:
        longest = max(len(source[index]) for index in batch) + 1
        found: list[Any] = translator.translate_batch(
            [source[index] for index in batch], beam_size=given.beam, length_penalty=1.0, max_input_length=0,
            max_decoding_length=int(given.max_len_a * longest + given.max_len_b),
        )  # fmt: skip
        return found

    run(chosen[-1])
    said, tokens, each, on_processor = {}, 0, [], time.process_time()
    for batch in chosen:
        begun = time.perf_counter()
        found = run(batch)
        each.append(time.perf_counter() - begun)
        for index, result in zip(batch, found, strict=True):
            said[index] = " ".join(result.hypotheses[0])
            tokens += len(result.hypotheses[0]) + 1
    on_processor = time.process_time() - on_processor
    references = {index: " ".join(words) for index, words in target.items()}
    figures = {**latencies(each, on_processor, len(said), tokens), "peak_bytes": peak(), "load_seconds": loading,
               "computed_as": translator.compute_type, **said_figures(said, references, given.hypotheses)}  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
