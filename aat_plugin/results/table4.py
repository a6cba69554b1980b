"""Table 4 as data: parsers and their F1 on Section 23 of the Wall Street Journal. Section 6.3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ParserRow:
    """A row.

    Attributes:
        name: as the paper writes it.
        training: as the paper writes it.
        f1: published.
        row: what `aat report record table4 --row` calls ours; empty for others.
    """

    name: str
    training: str
    f1: float
    row: str = ""


ALONE, MORE = "WSJ only, discriminative", "semi-supervised"
PARSERS: tuple[ParserRow, ...] = (
    ParserRow("Vinyals & Kaiser et al. (2014)", ALONE, 88.3),
    ParserRow("Petrov et al. (2006)", ALONE, 90.4),
    ParserRow("Zhu et al. (2013)", ALONE, 90.4),
    ParserRow("Dyer et al. (2016)", ALONE, 91.7),
    ParserRow("Transformer (4 layers)", ALONE, 91.3, "wsj"),
    ParserRow("Zhu et al. (2013)", MORE, 91.3),
    ParserRow("Huang & Harper (2009)", MORE, 91.3),
    ParserRow("McClosky et al. (2006)", MORE, 92.1),
    ParserRow("Vinyals & Kaiser et al. (2014)", MORE, 92.1),
    ParserRow("Transformer (4 layers)", MORE, 92.7, "semi"),
    ParserRow("Luong et al. (2015)", "multi-task", 93.0),
    ParserRow("Dyer et al. (2016)", "generative", 93.3),
)
COLUMN = "f1"
