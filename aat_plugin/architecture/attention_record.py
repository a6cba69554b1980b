"""What a forward pass attended to: weights that are only kept where someone asks for them (Figures 3 to 5).

`Transformer.forward(…, record=AttentionRecord())` fills one. Without it nothing is kept, so training and decoding pay
nothing. Read `stacks` for where it is filled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class AttentionRecord:
    """The weights of each layer, the first layer first; each a (batch, heads, queries, keys).

    Attributes:
        encoder_self: (batch, heads, src_len, src_len).
        decoder_self: (batch, heads, tgt_len, tgt_len).
        cross: of the decoder over the source, (batch, heads, tgt_len, src_len).
    """

    encoder_self: list[Tensor] = field(default_factory=list)
    decoder_self: list[Tensor] = field(default_factory=list)
    cross: list[Tensor] = field(default_factory=list)
