"""Ways to compute the same function faster; none is part of the model, and its parameters know nothing of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ways:
    """What training may do on a processor.

    Attributes:
        unpadded: compute real tokens alone (`unpadded`); the same numbers up to rounding.
        quick_dropout: draw masks sixteen bits a value (`dropout`); other masks from the same seed.
    """

    unpadded: bool = False
    quick_dropout: bool = False
