"""The Extended Neural GPU: Kaiser & Bengio 2016, "Can Active Memory Replace Attention?".

The form: the memory is an image of `memory_width` columns, one row for each place and `embed_dim` maps. A step applies
`num_layers` convolutional gated recurrent units (CGRU) to all of it. The encoder starts from the source in the first
column and takes as many steps as the source has tokens. Then each output is a step of other units over the memory and
an output tape of the same shape, on which the outputs so far are written; the k-th output is read from the first column
of row k. Where this module had to choose:

- rows: |t̂| = a·|s| + b as ByteNet's, because the authors' bins of equal length for both sides depend on the target;
  a target that is longer begins again at the first row, of the tape as of the memory;
- the units' width in the second direction is 3, or 1 where the memory has one column.

What it costs: the memory is run again at each output step, and kept for the gradient each time. One target of length n
takes O(n) sequential steps over O(n) rows, O(k·n²·d²) in all, in training too: the slowest system here by far.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.errors import ConfigError
from aat_plugin.rivals.lengths import unfolded
from aat_plugin.rivals.parts import (
    Decoded,
    Rival,
    RivalConfig,
    RivalDecoder,
    RivalEncoder,
    Source,
    State,
    before,
    laid_out,
    looked_up,
)


@dataclass(frozen=True)
class ExtendedNeuralGpuConfig(RivalConfig):
    """Sizes; embed_dim is the number of maps.

    Attributes:
        num_layers: units that a step applies one after another, in encoder and decoder each.
        memory_width: columns of the memory.
        kernel_size: rows that a unit sees.
        length_ratio, length_offset: a and b of |t̂| = a·|s| + b.
    """

    embed_dim: int = 512
    num_layers: int = 2
    memory_width: int = 4
    kernel_size: int = 3
    length_ratio: float = 1.2
    length_offset: float = 0.0

    def __post_init__(self) -> None:
        """As `RivalConfig`.

        Raises:
            ConfigError: names the field, its value and the way out.
        """
        super().__post_init__()
        if not self.kernel_size % 2:
            raise ConfigError(f"kernel_size={self.kernel_size} is even: a unit looks as far to either side")


class Cgru(nn.Module):
    """u ⊙ s + (1 − u) ⊙ tanh(U ∗ (r ⊙ s) + W ∗ p + B), with gates u and r from s and p alike.

    Args:
        config: sizes.
        tape: whether it reads a tape p beside the memory s.
    """

    def __init__(self, config: ExtendedNeuralGpuConfig, tape: bool) -> None:
        super().__init__()
        maps = config.embed_dim
        kernel = (config.kernel_size, 1 if config.memory_width == 1 else 3)
        padding = (kernel[0] // 2, kernel[1] // 2)
        inputs = 2 * maps if tape else maps
        self.gates = nn.Conv2d(inputs, 2 * maps, kernel, padding=padding)
        self.candidate = nn.Conv2d(inputs, maps, kernel, padding=padding)
        assert self.gates.bias is not None
        nn.init.ones_(self.gates.bias)  # open at first, as the authors' code has it

    def forward(self, memory: Tensor, real: Tensor, tape: Tensor | None = None) -> Tensor:
        """The next memory.

        Args:
            memory: (batch, maps, rows, columns), zero in rows that a sentence does not have.
            real: (batch, 1, rows, 1), True in those that it has.
            tape: of the memory's shape.
        """
        beside = [] if tape is None else [tape]
        update, reset = torch.sigmoid(self.gates(torch.cat([memory, *beside], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([reset * memory, *beside], dim=1)))
        return (update * memory + (1 - update) * candidate) * real


class ExtendedNeuralGpuEncoder(RivalEncoder):
    """The memory after as many steps as the source has tokens; dropout on embeddings and before each step."""

    def __init__(self, config: ExtendedNeuralGpuConfig, table: nn.Embedding) -> None:
        super().__init__(config, table)
        self.ratio, self.offset, self.columns = config.length_ratio, config.length_offset, config.memory_width
        self.units = nn.ModuleList(Cgru(config, tape=False) for _ in range(config.num_layers))

    def read(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The memory (batch, maps, rows, columns) and each sentence's rows (batch,)."""
        rows = unfolded(lengths, self.ratio, self.offset)
        height = int(rows.max())
        real = before(rows, height)[:, None, :, None]
        memory = F.pad(laid_out(self, tokens, lengths, height).transpose(1, 2).unsqueeze(3), (0, self.columns - 1))
        for step in range(int(lengths.max())):
            after = F.dropout(memory, self.dropout, self.training)
            for unit in self.units:
                after = unit(after, real)
            memory = torch.where((step < lengths)[:, None, None, None], after, memory)
        return memory, rows


class ExtendedNeuralGpuDecoder(RivalDecoder):
    """A step over memory and tape for each output; dropout on embeddings, before steps and before the projection."""

    def __init__(self, config: ExtendedNeuralGpuConfig, table: nn.Embedding, projection: nn.Linear) -> None:
        super().__init__(config, table, projection)
        self.units = nn.ModuleList(Cgru(config, tape=True) for _ in range(config.num_layers))
        self.readout = nn.Linear(config.embed_dim, config.embed_dim)

    def unfold(self, tokens: Tensor, source: Source, state: State) -> Decoded:
        """As `RivalDecoder.unfold`."""
        first, rows = source.tensors
        memory = state.tensors.get("memory", first)
        tape = state.tensors.get("tape", torch.zeros_like(first))
        real = before(rows, first.size(2))[:, None, :, None]
        read = []
        for place, embedded in enumerate(looked_up(self, tokens[:, state.length :]).unbind(1), start=state.length):
            if place > 0:  # the first input is the start symbol, which no output was
                tape = torch.where(_cell(tape, (place - 1) % rows), embedded[:, :, None, None], tape)
            memory = F.dropout(memory, self.dropout, self.training)
            for unit in self.units:
                memory = unit(memory, real, tape)
            row = (place % rows)[:, None, None].expand(-1, memory.size(1), 1)
            read.append(memory[:, :, :, 0].gather(2, row).squeeze(2))
        state.tensors = {"memory": memory, "tape": tape}
        features = self.readout(torch.stack(read, dim=1))
        return Decoded(F.dropout(features, self.dropout, self.training), None)


def _cell(tape: Tensor, rows: Tensor) -> Tensor:
    """(batch, 1, height, columns), True in the first column of the row that `rows` (batch,) names."""
    height, width = tape.shape[2:]
    row = torch.arange(height, device=rows.device) == rows.unsqueeze(1)
    column = torch.arange(width, device=rows.device) == 0
    return (row.unsqueeze(2) & column)[:, None]


def extended_neural_gpu(config: ExtendedNeuralGpuConfig) -> Rival:
    """The model of these sizes."""
    return Rival(config, ExtendedNeuralGpuEncoder, ExtendedNeuralGpuDecoder)
