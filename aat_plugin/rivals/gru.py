"""Recurrence with attention: Bahdanau, Cho & Bengio 2015 ("RNNsearch"), with gated recurrent units (Cho et al. 2014).

The form: the encoder reads the source in both directions. The decoder's state starts from the backward direction's last
state; at each step the state of the step before looks for the source (their additive score, Appendix A.1.2), and the
new state comes from the previous target and what was found. Where this module had to choose:

- a linear layer and tanh before the projection stand for their maxout, as in Luong et al. 2015, Eq. 5;
- their models have one layer. More come on top as in GNMT (Wu et al. 2016): what the lowest layer found is read by all
  of them, and each adds to its input. They run over the whole sentence at once.

Every target token needs the state of the one before: O(n) sequential operations a layer (Table 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from aat_plugin.errors import ConfigError
from aat_plugin.rivals.parts import Decoded, Rival, RivalConfig, RivalDecoder, RivalEncoder, Source, State, looked_up


@dataclass(frozen=True)
class GruConfig(RivalConfig):
    """Sizes.

    Attributes:
        hidden_size: width of a decoder's state, and of the encoder's two directions together.
        attention_size: width in which states and source are compared.
        encoder_layers, decoder_layers: how many of each.
    """

    hidden_size: int = 1024
    attention_size: int = 1024
    encoder_layers: int = 1
    decoder_layers: int = 1

    def __post_init__(self) -> None:
        """As `RivalConfig`.

        Raises:
            ConfigError: names the field, its value and the way out.
        """
        super().__post_init__()
        if self.hidden_size % 2:
            raise ConfigError(f"hidden_size={self.hidden_size} is odd: the encoder's two directions share it")


class GruEncoder(RivalEncoder):
    """Reads in both directions; dropout on embeddings and between layers."""

    def __init__(self, config: GruConfig, table: nn.Embedding) -> None:
        super().__init__(config, table)
        layers = config.encoder_layers
        self.gru = nn.GRU(
            config.embed_dim, config.hidden_size // 2, layers, batch_first=True, bidirectional=True,
            dropout=config.dropout if layers > 1 else 0.0,
        )  # fmt: skip
        self.keys = nn.Linear(config.hidden_size, config.attention_size)
        self.first_states = nn.Linear(config.hidden_size // 2, config.decoder_layers * config.hidden_size)

    def read(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """States (batch, src_len, hidden), keys (batch, src_len, attention), the decoder's first states."""
        packed = pack_padded_sequence(looked_up(self, tokens), lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=tokens.size(1))
        backward = states[:, 0, states.size(2) // 2 :]
        return states, self.keys(states), torch.tanh(self.first_states(backward)).to(states.dtype)


class GruDecoder(RivalDecoder):
    """One attentive layer, and plain ones on top; dropout on embeddings, between layers and before the projection."""

    def __init__(self, config: GruConfig, table: nn.Embedding, projection: nn.Linear) -> None:
        super().__init__(config, table, projection)
        hidden = config.hidden_size
        self.hidden = hidden
        self.query = nn.Linear(hidden, config.attention_size, bias=False)
        self.score = nn.Linear(config.attention_size, 1, bias=False)
        self.cell = nn.GRUCell(config.embed_dim + hidden, hidden)
        upper = range(1, config.decoder_layers)
        self.upper = nn.ModuleList(nn.GRU(2 * hidden, hidden, batch_first=True) for _ in upper)
        self.readout = nn.Linear(2 * hidden + config.embed_dim, config.embed_dim)

    def unfold(self, tokens: Tensor, source: Source, state: State) -> Decoded:
        """As `RivalDecoder.unfold`."""
        embedded = looked_up(self, tokens[:, state.length :])
        states, found, weights = self._attentive(embedded, source, state)
        first = torch.chunk(source.tensors[2], 1 + len(self.upper), dim=1)
        for number, layer in enumerate(self.upper, start=1):
            name = f"layer{number}"
            start = state.tensors.get(name, first[number]).unsqueeze(0).contiguous()
            below = F.dropout(states, self.dropout, self.training)
            above, last = layer(torch.cat([below, found], dim=2), start)
            state.tensors[name] = last[0]
            states = states + above
        read = torch.tanh(self.readout(torch.cat([states, found, embedded], dim=2)))
        return Decoded(F.dropout(read, self.dropout, self.training), source.in_columns(weights))

    def _attentive(self, embedded: Tensor, source: Source, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """The lowest layer: states (batch, new, hidden), what each found (the same), weights (batch, new, src_len)."""
        memory, keys, first = source.tensors
        padded = ~source.real()
        hidden = state.tensors.get("layer0", first[:, : self.hidden])
        states, founds, weights = [], [], []
        for step in embedded.unbind(dim=1):
            scores = self.score(torch.tanh(keys + self.query(hidden).unsqueeze(1))).squeeze(2)
            weight = torch.softmax(scores.masked_fill(padded, float("-inf")), dim=1)
            found = torch.bmm(weight.unsqueeze(1), memory).squeeze(1)
            hidden = self.cell(torch.cat([step, found], dim=1), hidden)
            states.append(hidden)
            founds.append(found)
            weights.append(weight)
        state.tensors["layer0"] = hidden
        return torch.stack(states, dim=1), torch.stack(founds, dim=1), torch.stack(weights, dim=1)


def gru(config: GruConfig) -> Rival:
    """The model of these sizes."""
    return Rival(config, GruEncoder, GruDecoder)
