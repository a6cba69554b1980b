"""Section 3.5: sinusoidal positions, in the paper's layout and tensor2tensor's, and learned ones (Table 3, row E).

The tables are computed in float64 and rounded once. Positions count from `first_position` at the first real token,
whichever side is padded, so padding never moves a sentence.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from aat_plugin.errors import DataError

BASE = 10000.0
"""PE(pos, 2i) = sin(pos / 10000^(2i / d_model))."""


def sinusoids(num_positions: int, d_model: int, layout: str = "interleaved", frequencies: str = "paper") -> Tensor:
    """The table of Section 3.5 in float64.

    PE(pos, 2i) = sin(pos / 10000^(2i/d_model)) and PE(pos, 2i+1) = cos(pos / 10000^(2i/d_model)).

    Args:
        num_positions: rows, for positions 0 … num_positions - 1.
        d_model: channels; even.
        layout: "interleaved" as the paper, or "halves": all sines, then all cosines.
        frequencies: "paper", or "t2t": 10000^(-i/(d_model/2 - 1)), whose last wavelength is exactly 10000 · 2π.

    Returns:
        (num_positions, d_model), float64.
    """
    half = d_model // 2
    pair = torch.arange(half, dtype=torch.float64)
    exponent = 2.0 * pair / d_model if frequencies == "paper" else pair / max(half - 1, 1)
    rates = torch.exp(-math.log(BASE) * exponent)
    angles = torch.arange(num_positions, dtype=torch.float64).unsqueeze(1) * rates
    if layout == "interleaved":
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def positions_of(padding_mask: Tensor, first_position: int) -> Tensor:
    """Number the real tokens of each row from `first_position`, whichever side is padded.

    Args:
        padding_mask: (batch, length), True where padded.
        first_position: the first real token's number.

    Returns:
        (batch, length), int64; padded places hold `first_position`.
    """
    real = (~padding_mask).long()
    return (real.cumsum(dim=1) - 1).clamp_(min=0) * real + first_position


class SinusoidalPositions(nn.Module):
    """Sinusoids of any length: the table grows as longer sentences come, and is no parameter and no buffer.

    Kept outside the module's state because `model.half()` would round a buffer, and stock checkpoints hold none.
    """

    def __init__(self, d_model: int, layout: str, frequencies: str) -> None:
        super().__init__()
        self.d_model = d_model
        self.layout = layout
        self.frequencies = frequencies
        self._tables: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def forward(self, positions: Tensor, limit: int, like: Tensor) -> Tensor:
        """Look positions up.

        Args:
            positions: (batch, length), int64, each below `limit`.
            limit: a bound known on the host, so that the table can grow without asking the device.
            like: any tensor of the wanted type and device.

        Returns:
            (batch, length, d_model).
        """
        key = (like.device, like.dtype)
        table = self._tables.get(key)
        if table is None or table.size(0) < limit:
            rows = max(512, 1 << (limit - 1).bit_length())
            exact = sinusoids(rows, self.d_model, self.layout, self.frequencies)
            table = self._tables[key] = exact.to(like.dtype).to(like.device)
        return table[positions]


class LearnedPositions(nn.Embedding):
    """Table 3, row (E): a learned row for each position, Normal(0, d_model^-0.5)."""

    def __init__(self, num_positions: int, d_model: int) -> None:
        super().__init__(num_positions, d_model)
        nn.init.normal_(self.weight, mean=0.0, std=d_model**-0.5)

    def forward(self, positions: Tensor, limit: int = 0, like: Tensor | None = None) -> Tensor:
        """Look positions (batch, length) up, as (batch, length, d_model); arguments as in `SinusoidalPositions`.

        Raises:
            DataError: `limit` is beyond the table.
        """
        if limit > self.num_embeddings:
            raise DataError(
                f"a sentence reaches position {limit - 1}, but learned positions end at {self.num_embeddings - 1}; "
                "train with larger max_source_positions / max_target_positions, or use sinusoids"
            )
        return super().forward(positions)
