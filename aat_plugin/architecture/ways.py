"""Ways to compute the same function faster; none is part of the model, and its parameters know nothing of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ways:
    """What training may do; `quick_dropout` alone is for processors, elsewhere it lets `fused_residual` draw its masks.

    Attributes:
        unpadded: compute real tokens alone (`unpadded`); the same numbers up to rounding.
        quick_dropout: draw masks sixteen bits a value (`dropout`); other masks from the same seed.
        fused_residual: dropout, sum and norm as one operation (`residual`), with `quick_dropout`'s masks.
        half_rows: with `unpadded` under bfloat16 autocast, rows stay bfloat16 between products (`half_rows`).
    """

    unpadded: bool = False
    quick_dropout: bool = False
    fused_residual: bool = False
    half_rows: bool = False
