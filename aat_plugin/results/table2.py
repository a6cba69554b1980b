"""Table 2 as data, and training costs counted in two ways. Section 6.1.

The paper multiplies time, devices and the sustained rate of a device: what the machine could have done. The other count
is what the model asks of it, from `architecture.cost`; the second over the first is the utilisation. `training_cost`
does the same for runs of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from aat_plugin.results.table3 import BY_NAME, VOCABULARY, config_of

SUSTAINED = {"K80": 2.8e12, "K40": 3.7e12, "M40": 6.0e12, "P100": 9.5e12}
"""Single-precision operations a second, the paper's footnote to Section 6.1."""
DAY = 86_400.0
TOKENS, LENGTH = 25_000, 30
"""Of each side in an update (Section 5.1); of a typical WMT14 sentence, averaged over tokens."""


@dataclass(frozen=True)
class Training:
    """How long a system trained on what, as its own authors say; 8 models of an ensemble count eight times.

    Attributes:
        device: a key of `SUSTAINED`.
        devices: how many.
        days: how long.
        models: of an ensemble.
    """

    device: str
    devices: int
    days: float
    models: int = 1

    @property
    def operations(self) -> float:
        """The paper's cost: time × devices × sustained rate."""
        return capacity(self.days * DAY, self.devices, SUSTAINED[self.device]) * self.models


@dataclass(frozen=True)
class System:
    """A row.

    Attributes:
        name: as the paper writes it.
        en_de, en_fr: BLEU on newstest2014, published; None where the cell is empty.
        cost_en_de, cost_en_fr: published operations; the two Transformers print one for both.
        training_en_de, training_en_fr: what the published cost comes from, where it is known.
        variation: our row of Table 3, for the Transformers.
    """

    name: str
    en_de: float | None = None
    en_fr: float | None = None
    cost_en_de: float | None = None
    cost_en_fr: float | None = None
    training_en_de: Training | None = None
    training_en_fr: Training | None = None
    variation: str | None = None


HALF_A_DAY, DAYS_3_5 = Training("P100", 8, 0.5), Training("P100", 8, 3.5)
SYSTEMS: tuple[System, ...] = (
    System("ByteNet", 23.75),
    System("Deep-Att + PosUnk", None, 39.2, None, 1.0e20, None, Training("K40", 32, 10)),
    System("GNMT + RL", 24.6, 39.92, 2.3e19, 1.4e20, Training("K80", 96, 1), Training("K80", 96, 6)),
    System("ConvS2S", 25.16, 40.46, 9.6e18, 1.5e20, Training("M40", 1, 18.5), Training("M40", 8, 37)),
    System("MoE", 26.03, 40.56, 2.0e19, 1.2e20, Training("K40", 64, 1), Training("K40", 64, 6)),
    System("Deep-Att + PosUnk ensemble", None, 40.4, None, 8.0e20, None, Training("K40", 32, 10, 8)),
    System("GNMT + RL ensemble", 26.30, 41.16, 1.8e20, 1.1e21, Training("K80", 96, 1, 8), Training("K80", 96, 6, 8)),
    System("ConvS2S ensemble", 26.36, 41.29, 7.7e19, 1.2e21, Training("M40", 1, 18.5, 8), Training("M40", 8, 37, 8)),
    System("Transformer (base)", 27.3, 38.1, 3.3e18, 3.3e18, HALF_A_DAY, HALF_A_DAY, "base"),
    System("Transformer (big)", 28.4, 41.8, 2.3e19, 2.3e19, DAYS_3_5, DAYS_3_5, "big"),
)
"""Section 6.1's text says 41.0 for big on EN-FR where Table 2 and the abstract say 41.8."""

COLUMNS = ("en_de", "en_fr")


def capacity(seconds: float, devices: int, rate: float) -> float:
    """What devices could have computed: time × devices × sustained rate."""
    return seconds * devices * rate


def model_operations(variation: str, vocabulary: int = VOCABULARY) -> float:
    """What the model of a row asks for in the paper's training: an update's operations times its updates.

    Args:
        variation: base or big.
        vocabulary: V.
    """
    from aat_plugin.architecture.cost import operations

    sizes = BY_NAME[variation].sizes
    return operations(config_of(sizes, vocabulary, "paper"), TOKENS, TOKENS, LENGTH).update * sizes.train_steps
