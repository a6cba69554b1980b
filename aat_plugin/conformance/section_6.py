"""Section 6 compared: averaging, length penalty and limits, beam search at its two ends, ensembles, Table 3's sizes.

The paper's numbers stand here as numbers. Read `search_tables` for the plain searches.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch

from aat_plugin import conventions
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.cost import parameters
from aat_plugin.architecture.transformer import Transformer
from aat_plugin.conformance import reference
from aat_plugin.conformance.comparisons import compares, largest
from aat_plugin.conformance.search_tables import Table, TableModel, every_hypothesis, greedy, options, to_the_end
from aat_plugin.conformance.section_3 import DEEP, EXACT, PAD, padded, randomised, sentence, small
from aat_plugin.translation.averaging import RunningMean
from aat_plugin.translation.beam_search import beam_search
from aat_plugin.translation.length_penalty import length_limits, length_penalty
from aat_plugin.translation.search_options import Hypothesis

EOS = 2
"""The end symbol among `section_3`'s ids."""


@compares("6.1", "averaging checkpoints",
          "five state dicts against NumPy's mean, tied weights and float16 among them", EXACT)  # fmt: skip
def averaging() -> float:
    mean, seen = RunningMean(), []
    for number in range(5):
        shared = torch.randn(3, 4, dtype=torch.float64)
        half = torch.randint(-8, 8, (5,)).half()
        mean.add(f"checkpoint{number}", {"a": shared, "tied": shared, "half": half})
        seen.append((shared.numpy(), half.double().numpy()))
    found = mean.mean()
    whole, rounded = (np.mean([one[part] for one in seen], axis=0) for part in (0, 1))
    return largest([(found["a"], whole), (found["tied"], whole), (found["half"], rounded.astype(np.float16))])


@compares("6.1", "length penalty",
          "((5 + |Y|) / 6)^0.6 for |Y| = 1 … 300, and tensor2tensor's and fairseq's kinds", EXACT)  # fmt: skip
def penalty() -> float:
    kind, alpha = str(conventions.value("length_penalty")), float(conventions.value("lenpen"))
    pairs: list[tuple[object, object]] = [
        (length_penalty(kind, length, alpha), ((5 + length) / 6) ** 0.6) for length in range(1, 301)
    ]
    lengths = torch.arange(1, 301)
    pairs.append((length_penalty("power", lengths, 0.6), np.arange(1, 301) ** 0.6))
    return largest([*pairs, (length_penalty("none", lengths, 0.6), np.ones(300))])


@compares("6.1", "maximum length, beam and α", "input length + 50, whatever the batch; 4; 0.6")
def limits() -> float:
    batch = padded([[*sentence(n), EOS] for n in (3, 11, 1)], left=True)
    found = length_limits(
        str(conventions.value("length_limit")), batch, float(conventions.value("max_len_a")),
        float(conventions.value("max_len_b")), padding_idx=PAD, end_idx=EOS, longest=1000,
    )  # fmt: skip
    return largest([(found, [53, 61, 51]), (conventions.value("beam"), 4), (conventions.value("lenpen"), 0.6)])


def _found(table: Table, limits: list[int], **chosen: Any) -> list[list[Hypothesis]]:
    return beam_search(TableModel(table, len(limits)), torch.tensor(limits), options(**chosen))


@compares("6.1", "beam search", "a beam of 1 with always the likeliest word: differing sentences of 40")
def beam_of_one() -> float:
    differing = 0
    for seed in range(20):
        table = Table(seed, vocabulary=7, end_bias=seed % 5 - 2.0)
        for sentence_index, hypotheses in enumerate(_found(table, [6, 6], beam=1)):
            differing += tuple(hypotheses[0].tokens.tolist()) != greedy(table, sentence_index, 6)
    return float(differing)


@compares("6.1", "beam search",
          "a wide beam under the bound rule with every hypothesis there is: scores, and words", 1e-9)  # fmt: skip
def wide_beam() -> float:
    pairs: list[tuple[object, object]] = []
    rule, kind = str(conventions.value("stop_rule")), str(conventions.value("length_penalty"))
    for seed in range(6):
        table = Table(seed, vocabulary=5, end_bias=seed - 2.0)
        chosen = options(beam=130, nbest=10, stop_rule=rule, length_penalty=kind)
        found = _found(table, [4], beam=130, nbest=10, stop_rule=rule, length_penalty=kind)[0]
        expected = every_hypothesis(table, 0, 4, chosen)[:10]
        for hypothesis, (score, said) in itertools.zip_longest(found[:10], expected):
            pairs += [(hypothesis.score, score), (tuple(hypothesis.tokens.tolist()) != said, False)]
    return largest(pairs)


@compares("6.1", "beam search", "stopping early, with going on to the limit: the best score and its words", 1e-9)
def early_stop() -> float:
    pairs: list[tuple[object, object]] = []
    rule, kind = str(conventions.value("stop_rule")), str(conventions.value("length_penalty"))
    for seed in range(12):
        chosen: dict[str, Any] = dict(beam=3, nbest=1, alpha=1.5, stop_rule=rule, length_penalty=kind)
        table = Table(seed, vocabulary=6, end_bias=1.0)
        best = _found(table, [10], **chosen)[0][0]
        score, said = to_the_end(table, 0, 10, options(**chosen))
        pairs += [(best.score, score), (tuple(best.tokens.tolist()) != said, False)]
    return largest(pairs)


@compares("6.1", "ensembles",
          "the mean of three models' probabilities, from the restated model; log P through fairseq", DEEP)  # fmt: skip
def ensembles() -> float:
    from aat_plugin.bindings import probes

    config = small()
    members = [randomised(Transformer(config)) for _ in range(3)]
    source, said = [*sentence(5), EOS], [EOS, *sentence(3)]
    found = probes.ensemble(config, [member.state_dict() for member in members], padded([source]), padded([said]))
    each = [reference.transformer(reference.parameters_of(member), config, source, said)[-1] for member in members]
    return largest([(found, np.log(np.mean([reference.softmax(logits) for logits in each], axis=0)))])


BASE = dict(num_layers=6, d_model=512, d_ff=2048, num_heads=8, d_k=64, d_v=64, dropout=0.1)
BIG = {**BASE, "d_model": 1024, "d_ff": 4096, "num_heads": 16, "dropout": 0.3}
COUNTS = {"base": (BASE, 63_045_632), "big": (BIG, 214_171_648)}
"""Table 3's sizes, and N (3 A + 2 F) + V d with the feed-forward's biases and the norms, at V = 37,000."""


@compares("6.2", "Table 3, sizes and parameters",
          "rows base and big: defaults of the model and of the presets; counts")  # fmt: skip
def table_3() -> float:
    from aat_plugin.bindings.model import AatTransformerBaseConfig, AatTransformerBigConfig

    plain = TransformerConfig(37_000, 37_000)
    pairs: list[tuple[object, object]] = [(getattr(plain, name), value) for name, value in BASE.items()]
    for preset, sizes in ((AatTransformerBaseConfig(), BASE), (AatTransformerBigConfig(), BIG)):
        pairs += [(getattr(preset, name), value) for name, value in sizes.items() if name not in ("d_k", "d_v")]
        pairs += [(preset.d_model // preset.num_heads, sizes["d_k"])]
    for sizes, count in COUNTS.values():
        config = TransformerConfig(37_000, 37_000, **sizes)  # type: ignore[arg-type]
        with torch.device("meta"):
            built = sum(parameter.numel() for parameter in Transformer(config).parameters())
        pairs += [(built, count), (parameters(config).total, count)]
    return largest(pairs)
