"""Table 3 of the paper as data: the cells that each row prints, and what it reports on newstest2013. Section 6.2.

Data alone: no torch, so `aat params` and the report of measured rows read it at once. `conf/cells/` says the same to
Hydra, and a test holds the two together. Read `architecture.cost` next, which counts what a row costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aat_plugin.architecture.config import TransformerConfig


@dataclass(frozen=True)
class Sizes:
    """One row in full, blanks filled in from row base.

    Attributes:
        num_layers, d_model, d_ff, num_heads, d_k, d_v: N, d_model, d_ff, h, d_k, d_v.
        dropout: P_drop.
        label_smoothing: ε_ls.
        train_steps: updates.
        learned_positions: row (E).
    """

    num_layers: int = 6
    d_model: int = 512
    d_ff: int = 2048
    num_heads: int = 8
    d_k: int = 64
    d_v: int = 64
    dropout: float = 0.1
    label_smoothing: float = 0.1
    train_steps: int = 100_000
    learned_positions: bool = False


@dataclass(frozen=True)
class Variation:
    """A row of Table 3.

    Attributes:
        name: as `variation=` takes it.
        sizes: the row in full.
        perplexity: published, a word piece, on newstest2013.
        bleu: published, on newstest2013, with beam 4 and no averaging of checkpoints.
        parameters: published, in millions, rounded; None where the row prints none (its count is base's, or near it).
    """

    name: str
    sizes: Sizes
    perplexity: float
    bleu: float
    parameters: int | None


VARIATIONS: tuple[Variation, ...] = (
    Variation("base", Sizes(), 4.92, 25.8, 65),
    Variation("A1", Sizes(num_heads=1, d_k=512, d_v=512), 5.29, 24.9, None),
    Variation("A2", Sizes(num_heads=4, d_k=128, d_v=128), 5.00, 25.5, None),
    Variation("A3", Sizes(num_heads=16, d_k=32, d_v=32), 4.91, 25.8, None),
    Variation("A4", Sizes(num_heads=32, d_k=16, d_v=16), 5.01, 25.4, None),
    Variation("B1", Sizes(d_k=16), 5.16, 25.1, 58),
    Variation("B2", Sizes(d_k=32), 5.01, 25.4, 60),
    Variation("C1", Sizes(num_layers=2), 6.11, 23.7, 36),
    Variation("C2", Sizes(num_layers=4), 5.19, 25.3, 50),
    Variation("C3", Sizes(num_layers=8), 4.88, 25.5, 80),
    Variation("C4", Sizes(d_model=256, d_k=32, d_v=32), 5.75, 24.5, 28),
    Variation("C5", Sizes(d_model=1024, d_k=128, d_v=128), 4.66, 26.0, 168),
    Variation("C6", Sizes(d_ff=1024), 5.12, 25.4, 53),
    Variation("C7", Sizes(d_ff=4096), 4.75, 26.2, 90),
    Variation("D1", Sizes(dropout=0.0), 5.77, 24.6, None),
    Variation("D2", Sizes(dropout=0.2), 4.95, 25.5, None),
    Variation("D3", Sizes(label_smoothing=0.0), 4.67, 25.3, None),
    Variation("D4", Sizes(label_smoothing=0.2), 5.47, 25.7, None),
    Variation("E", Sizes(learned_positions=True), 4.92, 25.7, None),
    Variation("big", Sizes(d_model=1024, d_ff=4096, num_heads=16, dropout=0.3, train_steps=300_000), 4.33, 26.4, 213),
)

BY_NAME: Mapping[str, Variation] = {variation.name: variation for variation in VARIATIONS}

VOCABULARY = 37_000
"""The paper's word on the English-German vocabulary, "about 37000 tokens"; its counts fit 40,960 (docs/table3.md)."""


def config_of(sizes: Sizes, vocabulary: int, convention: str) -> TransformerConfig:
    """A row's model under a convention, all embeddings shared (Section 3.4).

    Raises:
        ConfigError: an unknown convention, or sizes that cannot work.
    """
    from aat_plugin import conventions
    from aat_plugin.architecture.config import TransformerConfig

    governed: dict[str, Any] = dict(conventions.resolve(convention, "model", {}))
    return TransformerConfig(
        vocabulary,
        vocabulary,
        num_layers=sizes.num_layers,
        d_model=sizes.d_model,
        d_ff=sizes.d_ff,
        num_heads=sizes.num_heads,
        d_k=sizes.d_k,
        d_v=sizes.d_v,
        dropout=sizes.dropout,
        learned_positions=sizes.learned_positions,
        **governed,
    )
