"""What Table 1 claims of each kind of layer, as data: no torch. `layer_kinds` builds them. Section 4."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A row of Table 1, or a part of one.

    Attributes:
        name: what the row is called.
        complexity: operations a layer.
        exponents: of n and of d.
        sequential: operations that wait for one another.
        path: the longest between two positions.
    """

    name: str
    complexity: str
    exponents: tuple[float, float]
    sequential: str
    path: str


ATTENTION = Claim("self-attention, Eq. 1 alone", "n² · d", (2, 1), "1", "1")
WHOLE_ATTENTION = Claim("self-attention, whole layer", "n² · d + n · d²", (2, 1), "1", "1")
RESTRICTED = Claim("self-attention, restricted to r", "r · n · d", (1, 1), "1", "n / r")
RECURRENT = Claim("recurrent", "n · d²", (1, 2), "n", "n")
CONTIGUOUS = Claim("convolutional, contiguous", "k · n · d²", (1, 2), "1", "n / k")
DILATED = Claim("convolutional, dilated", "k · n · d²", (1, 2), "1", "log_k n")
SEPARABLE = Claim("separable convolution", "k · n · d + n · d²", (1, 2), "1", "n / k")
CLAIMS = (ATTENTION, WHOLE_ATTENTION, RESTRICTED, RECURRENT, CONTIGUOUS, DILATED, SEPARABLE)
"""The whole attention layer also has its projections, n · d², which Table 1 leaves out; with them it falls between."""
