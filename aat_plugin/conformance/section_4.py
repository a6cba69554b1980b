"""Section 4 compared: Table 1's fourth row, self-attention restricted to a neighbourhood. Read `section_5` next."""

from __future__ import annotations

import itertools

import torch

from aat_plugin.architecture.cache import DecodingCache
from aat_plugin.architecture.restricted import SMALLEST_BLOCK, reach, restricted_attention
from aat_plugin.architecture.transformer import Transformer
from aat_plugin.conformance import reference
from aat_plugin.conformance.comparisons import compares, largest
from aat_plugin.conformance.section_3 import DEEP, EXACT, against_reference, padded, randomised, sentence, small


@compares("4", "Table 1: self-attention, restricted to r",
          "Eq. 1 under a mask; lengths around a block, r = 1 … 40, causal and not", EXACT)  # fmt: skip
def blocks() -> float:
    pairs = []
    lengths = (1, 5, SMALLEST_BLOCK - 1, SMALLEST_BLOCK, SMALLEST_BLOCK + 1, 2 * SMALLEST_BLOCK + 3)
    for n, r, causal in itertools.product(lengths, (1, 2, 3, 8, 40), (False, True)):
        q, k, v = (torch.randn(1, 1, n, width, dtype=torch.float64) for width in (3, 3, 2))
        nothing_padded = torch.zeros(1, n, dtype=torch.bool)
        out = restricted_attention(q, k, v, nothing_padded, reach(r, causal=causal))
        seen = reference.visible(n, r, causal)
        pairs.append((out[0, 0], reference.attention(q[0, 0].numpy(), k[0, 0].numpy(), v[0, 0].numpy(), seen)))
    return largest(pairs)


@compares("4", "Table 1: self-attention, restricted to r", "the whole model under r = 1, 2, 3, 5 and 100", DEEP)
def restricted_model() -> float:
    configs = [small(restricted_attention=r) for r in (1, 2, 3, 5, 100)]
    return max(against_reference(config, config) for config in configs)


@compares("4", "Table 1: self-attention, restricted to r", "incremental decoding, from a cache of r/2 positions", EXACT)
def restricted_cache() -> float:
    pairs = []
    for r, pieces in itertools.product((1, 2, 3, 6), ([1] * 9, [4, 1, 3, 1])):
        model = randomised(Transformer(small(restricted_attention=r)))
        source, target = padded([sentence(3), sentence(7)]), padded([sentence(9), sentence(9)])
        full, _ = model(source, None, target)
        memory, cache = model.encode(source), DecodingCache(2)
        for upto in itertools.accumulate(pieces):
            features, _ = model.decoder.decode(target[:, :upto], memory, cache)
            pairs.append((model.decoder.output_projection(features), full[:, upto - features.size(1) : upto]))
    return largest(pairs)
