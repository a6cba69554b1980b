"""A further column of the decoding comparison: CTranslate2 on the same test set, in the same batches.

    python benchmarks/ctranslate2_side.py FOLDER DATA [--beam 4] [--batch-size 64] [--compute int8]
    python benchmarks/ctranslate2_side.py FOLDER DATA --engine        as aat translate --engine ctranslate2 does it

FOLDER is what `aat export ctranslate2` made. The length limit is the batch's, as on the other sides; its search is
|Y|^α, stopping at `beam` finished hypotheses. With --engine the limit is each sentence's own, the batch is
`aat translate`'s, and so are the corrections that it makes. The line of JSON has decode_side's keys.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import torch
from decode_side import batches, configured, quickest
from measuring import latencies, peak, said_figures

from aat_plugin.export.ctranslate2_engine import Engine, Search

Words = dict[int, list[str]]
Decode = Callable[[list[int]], list[list[str]]]


class TestSet:
    """The test set in fairseq's batches, source and target as words."""

    def __init__(self, given: argparse.Namespace, extra: list[str]) -> None:
        _, self.task = configured([str(given.data), "--path", "unused", "--task", "translation", *extra])
        self.longest = given.longest
        self.task.load_dataset("test")
        pairs = self.task.dataset("test")
        self.source = self._words(pairs.src, self.task.source_dictionary)
        self.target = self._words(pairs.tgt, self.task.target_dictionary)

    @staticmethod
    def _words(side: Any, dictionary: Any) -> Words:
        return {index: [dictionary[token] for token in side[index][:-1]] for index in range(len(side))}

    def batches(self, size: int, at_most: int) -> list[list[int]]:
        """Indices of about so many sentences."""
        return [sample["id"].tolist() for sample in batches(self.task, size, at_most, self.longest)]


def translate_batch(given: argparse.Namespace, test: TestSet) -> Decode:
    """CTranslate2 itself."""
    translator = ctranslate2.Translator(
        str(given.folder), compute_type=given.compute, intra_threads=torch.get_num_threads(), inter_threads=1
    )

    def decode(batch: list[int]) -> list[list[str]]:
        longest = max(len(test.source[index]) for index in batch) + 1
        found = translator.translate_batch(
            [test.source[index] for index in batch], beam_size=given.beam, length_penalty=1.0, max_input_length=0,
            max_decoding_length=given.forced_length or int(given.max_len_a * longest + given.max_len_b),
            min_decoding_length=given.forced_length or 1,
        )  # fmt: skip
        return [one.hypotheses[0] for one in found]

    return decode


def engine(given: argparse.Namespace, test: TestSet) -> Decode:
    """As `aat translate --engine ctranslate2` does it, by stock fairseq's penalty."""
    translator = Engine(given.folder, compute_type=given.compute, threads=torch.get_num_threads(), max_tokens=4000)
    search = Search(given.beam, 1.0, "power", given.max_len_a, given.max_len_b)
    return lambda batch: [one[0].tokens for one in translator.translate([test.source[i] for i in batch], search)]


def measure(decode: Decode, chosen: list[list[int]]) -> tuple[dict[str, float], dict[int, str]]:
    """Decode all batches once, after a few of the shortest to warm up."""
    decode(chosen[0][:64])
    said, tokens, each, on_processor = {}, 0, [], time.process_time()
    for batch in chosen:
        begun = time.perf_counter()
        found = decode(batch)
        each.append(time.perf_counter() - begun)
        for index, words in zip(batch, found, strict=True):
            said[index] = " ".join(words)
            tokens += len(words) + 1
    return latencies(each, time.process_time() - on_processor, len(said), tokens), said


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
    parser.add_argument("--forced-length", type=int, help="every hypothesis has so many tokens before its end")
    parser.add_argument("--hypotheses", type=Path)
    parser.add_argument("--longest", action="store_true")
    parser.add_argument("--engine", action="store_true", help="through the plugin's engine")
    parser.add_argument("--try-sizes", default="", help="only say which of these batch sizes is the quickest")
    given, extra = parser.parse_known_args()
    test = TestSet(given, extra)
    started = time.perf_counter()
    decode = (engine if given.engine else translate_batch)(given, test)
    loading = time.perf_counter() - started
    if given.try_sizes:
        print(json.dumps(quickest([int(one) for one in given.try_sizes.split(",")], given.sentences,
                                  lambda size, number: measure(decode, test.batches(size, number))[0])))
        return
    figures, said = measure(decode, test.batches(given.batch_size, given.sentences))
    references = {index: " ".join(test.target[index]) for index in said}
    print(json.dumps({**figures, "batch_size": given.batch_size, "peak_bytes": peak(), "load_seconds": loading,
                      **said_figures(said, references, given.hypotheses)}))  # fmt: skip


if __name__ == "__main__":
    main()
