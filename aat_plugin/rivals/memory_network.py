"""End-to-end memory networks: Sukhbaatar et al. 2015, which Section 2 of the paper names, made to translate.

The form: the memory is the source, one slot a token, with a table for addresses (A) and one for contents (C), each
with learned temporal encodings (their Section 4.1). A target's place asks: its query is the last `query_window`
targets, each weighted by learned numbers for its distance (their position encoding), and the place itself. A hop
addresses the memory with the query, u ← H·u + Σ p_i·c_i, and half of the maps pass a ReLU, as in their language model;
A, C and H are the same in each hop (their layer-wise tying). Where this module had to choose:

- their models answer a question or continue a text; none of them translates. The window stands for their question;
- scores are divided by the root of the width, because embeddings have unit size here, and a norm comes last;
- slots are single tokens without context: what a word means in its sentence must be found in hops.

A hop costs O(n²·d) for a target of length n, with O(1) sequential operations in training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.rivals.parts import (
    Decoded,
    Rival,
    RivalConfig,
    RivalDecoder,
    RivalEncoder,
    Source,
    State,
    looked_up,
    table,
)


@dataclass(frozen=True)
class MemoryNetworkConfig(RivalConfig):
    """Sizes.

    Attributes:
        num_hops: K.
        query_window: targets that a query is made of.
    """

    num_hops: int = 6
    query_window: int = 8


class MemoryNetworkEncoder(RivalEncoder):
    """Addresses and contents of the source's slots; dropout on both."""

    def __init__(self, config: MemoryNetworkConfig, table_: nn.Embedding) -> None:
        super().__init__(config, table_)
        self.contents = table(config.source_vocabulary, config)
        self.address_places = _places(config.max_source_positions, config.embed_dim)
        self.content_places = _places(config.max_source_positions, config.embed_dim)

    def read(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Addresses and contents, (batch, src_len, embed_dim) each."""
        width = tokens.size(1)
        contents = self.contents(tokens) * math.sqrt(self.contents.embedding_dim)
        contents = F.dropout(contents, self.dropout, self.training) + self.content_places[:width]
        return looked_up(self, tokens) + self.address_places[:width], contents


class MemoryNetworkDecoder(RivalDecoder):
    """Queries and hops; dropout on embeddings, on what each hop found and before the projection."""

    def __init__(self, config: MemoryNetworkConfig, table_: nn.Embedding, projection: nn.Linear) -> None:
        super().__init__(config, table_, projection)
        self.hops = config.num_hops
        width = config.embed_dim
        self.distances = nn.Parameter(torch.full((config.query_window, width), config.query_window**-0.5))
        self.query_places = _places(config.max_target_positions, width)
        self.carry = nn.Linear(width, width, bias=False)
        self.last_norm = nn.LayerNorm(width)

    def unfold(self, tokens: Tensor, source: Source, state: State) -> Decoded:
        """As `RivalDecoder.unfold`; the prefix says all, so nothing but its length is kept."""
        addresses, contents = source.tensors
        padded = ~source.real().unsqueeze(1)
        query = self._queries(tokens, state.length)
        weights = torch.empty(0)
        for _ in range(self.hops):
            scores = torch.bmm(query, addresses.transpose(1, 2)) / math.sqrt(query.size(2))
            weights = torch.softmax(scores.masked_fill(padded, float("-inf")), dim=2)
            found = F.dropout(torch.bmm(weights, contents), self.dropout, self.training)
            query = self.carry(query) + found
            kept, rectified = query.chunk(2, dim=2)
            query = torch.cat([kept, F.relu(rectified)], dim=2)
        features = F.dropout(self.last_norm(query), self.dropout, self.training)
        return Decoded(features, source.in_columns(weights))

    def _queries(self, tokens: Tensor, start: int) -> Tensor:
        """The queries of all places from `start` on, (batch, new, embed_dim)."""
        window, stop = self.distances.size(0), tokens.size(1)
        oldest = max(start - window + 1, 0)
        embedded = looked_up(self, tokens[:, oldest:])
        embedded = F.pad(embedded, (0, 0, window - 1 - (start - oldest), 0))
        query = self.query_places[start:stop].unsqueeze(0)
        for back, weight in enumerate(self.distances):
            first = window - 1 - back
            query = query + embedded[:, first : first + stop - start] * weight
        return query


def _places(number: int, width: int) -> nn.Parameter:
    """Learned encodings of `number` places, (number, width)."""
    return nn.Parameter(torch.randn(number, width) * 0.1)


def memory_network(config: MemoryNetworkConfig) -> Rival:
    """The model of these sizes."""
    return Rival(config, MemoryNetworkEncoder, MemoryNetworkDecoder)
