"""ByteNet: Kalchbrenner et al. 2016, "Neural Machine Translation in Linear Time". Table 2's first row.

The form: encoder and decoder are stacks of residual blocks of dilated convolutions. The encoder makes |t̂| = a·|s| + b
columns (`lengths`); the decoder is stacked on top and unfolds over them, one column a step, and goes on without columns
where a target is longer ("dynamic unfolding"). Dilations double from block to block up to `max_dilation` and begin
again. A block is: norm, ReLU, 1×1 from 2d to d, norm, ReLU, 1×k masked, norm, ReLU, 1×1 from d to 2d, added
to its input; with `block="multiplicative"` the 1×k becomes the multiplicative unit of theirs. Where this
module had to choose:

- how a column meets the target's embedding is not printed: the column's 1×1 convolution is added to it;
- their source embeds bags of character n-grams; here it is the same subwords as everywhere;
- dropout, on embeddings and on what each block adds, is ours: small corpora need it.

A layer costs O(k·n·d²) with O(1) sequential operations in training, and a path of log length (Table 1); decoding keeps
(k − 1)·dilation columns a block.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aat_plugin.errors import ConfigError, choose
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

BLOCKS = ("relu", "multiplicative")


@dataclass(frozen=True)
class ByteNetConfig(RivalConfig):
    """Sizes; embed_dim is 2d.

    Attributes:
        encoder_blocks, decoder_blocks: residual blocks.
        kernel_size: k.
        max_dilation: dilations are 1, 2, 4 … up to this, again and again.
        block: one of `BLOCKS`.
        length_ratio, length_offset: a and b of |t̂| = a·|s| + b; the published ones.
    """

    embed_dim: int = 1600
    encoder_blocks: int = 30
    decoder_blocks: int = 30
    kernel_size: int = 3
    max_dilation: int = 16
    block: str = "relu"
    length_ratio: float = 1.2
    length_offset: float = 0.0

    def __post_init__(self) -> None:
        """As `RivalConfig`.

        Raises:
            ConfigError: names the field, its value and the way out.
        """
        super().__post_init__()
        choose("block", self.block, BLOCKS)
        if self.embed_dim % 2:
            raise ConfigError(f"embed_dim={self.embed_dim} is odd: it is 2d, and blocks are d wide inside")
        if not self.kernel_size % 2:
            raise ConfigError(f"kernel_size={self.kernel_size} is even: the encoder looks as far to either side")

    def dilations(self, blocks: int) -> list[int]:
        """The dilation of each of `blocks` blocks."""
        cycle = self.max_dilation.bit_length()
        return [2 ** (number % cycle) for number in range(blocks)]


class Block(nn.Module):
    """One residual block over (batch, length, 2d).

    Args:
        config: sizes.
        dilation: distance between the places that the 1×k convolution sees.
    """

    def __init__(self, config: ByteNetConfig, dilation: int) -> None:
        super().__init__()
        wide, narrow = config.embed_dim, config.embed_dim // 2
        self.dilation, self.dropout, self.multiplicative = dilation, config.dropout, config.block == "multiplicative"
        self.norms = nn.ModuleList([nn.LayerNorm(wide), nn.LayerNorm(narrow), nn.LayerNorm(narrow)])
        self.reduce = nn.Linear(wide, narrow)
        self.convolve = nn.Linear(config.kernel_size * narrow, (4 if self.multiplicative else 1) * narrow)
        self.expand = nn.Linear(narrow, wide)
        self.reach = (config.kernel_size - 1) * dilation

    def narrowed(self, x: Tensor) -> Tensor:
        """What the 1×k convolution reads, (batch, length, d)."""
        return F.relu(self.norms[1](self.reduce(F.relu(self.norms[0](x)))))

    def forward(self, x: Tensor, narrow: Tensor, seen: Tensor) -> Tensor:
        """The block's output (batch, length, 2d).

        Args:
            x: its input (batch, length, 2d).
            narrow: `narrowed` of it, (batch, length, d).
            seen: `narrowed` of all places that the convolution needs, (batch, length + reach, d).
        """
        length = x.size(1)
        taps = range(0, self.reach + 1, self.dilation)
        y = self.convolve(torch.cat([seen[:, start : start + length] for start in taps], dim=2))
        if self.multiplicative:
            one, two, three, update = y.chunk(4, dim=2)
            y = torch.sigmoid(one) * torch.tanh(torch.sigmoid(two) * narrow + torch.sigmoid(three) * torch.tanh(update))
        y = self.expand(F.relu(self.norms[2](y)))
        return x + F.dropout(y, self.dropout, self.training)


class ByteNetEncoder(RivalEncoder):
    """|t̂| columns of width 2d a sentence."""

    def __init__(self, config: ByteNetConfig, table: nn.Embedding) -> None:
        super().__init__(config, table)
        self.ratio, self.offset = config.length_ratio, config.length_offset
        self.blocks = nn.ModuleList(Block(config, dilation) for dilation in config.dilations(config.encoder_blocks))
        self.join = nn.Linear(config.embed_dim, config.embed_dim, bias=False)

    def read(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The columns as the decoder adds them (batch, |t̂|, 2d), zero behind each sentence's own."""
        columns = unfolded(lengths, self.ratio, self.offset)
        width = int(columns.max())
        real = before(columns, width).unsqueeze(2)
        x = laid_out(self, tokens, lengths, width)
        for block in self.blocks:
            assert isinstance(block, Block)
            narrow = block.narrowed(x) * real
            left = block.reach // 2
            x = block(x, narrow, F.pad(narrow, (0, 0, left, block.reach - left)))
        return (self.join(x) * real,)


class ByteNetDecoder(RivalDecoder):
    """Masked blocks over the sum of the encoder's column and the previous target."""

    def __init__(self, config: ByteNetConfig, table: nn.Embedding, projection: nn.Linear) -> None:
        super().__init__(config, table, projection)
        self.blocks = nn.ModuleList(Block(config, dilation) for dilation in config.dilations(config.decoder_blocks))
        self.last_norm = nn.LayerNorm(config.embed_dim)
        self.readout = nn.Linear(config.embed_dim, config.embed_dim)

    def unfold(self, tokens: Tensor, source: Source, state: State) -> Decoded:
        """As `RivalDecoder.unfold`."""
        start, stop = state.length, tokens.size(1)
        columns = source.tensors[0][:, start:stop]
        x = looked_up(self, tokens[:, start:])
        x = x + F.pad(columns, (0, 0, 0, x.size(1) - columns.size(1)))
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            narrow, name = block.narrowed(x), f"block{number}"
            past = state.tensors.get(name)
            past = narrow.new_zeros(narrow.size(0), block.reach, narrow.size(2)) if past is None else past
            seen = torch.cat([past, narrow], dim=1)
            state.tensors[name] = seen[:, seen.size(1) - block.reach :]
            x = block(x, narrow, seen)
        read = self.readout(F.relu(self.last_norm(x)))
        return Decoded(F.dropout(read, self.dropout, self.training), None)


def bytenet(config: ByteNetConfig) -> Rival:
    """The model of these sizes."""
    return Rival(config, ByteNetEncoder, ByteNetDecoder)
