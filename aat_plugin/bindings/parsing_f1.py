"""F1 and the malformed rate while a parser is validated: what is said of a batch is mended, compared and counted.

Counts are summed over batches and workers, so that F1 is that of the whole sample and not a mean of batches'. Read
`parsing.repair` and `parsing.evalb` for what is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairseq.logging import metrics

from aat_plugin.parsing.evalb import compare
from aat_plugin.parsing.linearise import Linearisation
from aat_plugin.parsing.prm import COLLINS
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.spans import read_spans
from aat_plugin.parsing.trees import to_line

COUNTS = ("_f1_matched", "_f1_gold", "_f1_test", "_f1_sentences", "_f1_malformed")
"""Keys of the logging output. fairseq sums them over workers, and so wants every key from each of them."""


def count(linearisation: Linearisation, said: Iterable[tuple[Sequence[str], str]]) -> dict[str, int]:
    """The counts of some sentences.

    Args:
        linearisation: how trees are said.
        said: of each sentence its symbols, without the end symbol, and the line of its gold tree.

    Raises:
        DataError: a gold line is no tree.
    """
    totals = dict.fromkeys(COUNTS, 0)
    for symbols, line in said:
        gold = read_spans(line)
        rebuilt = rebuild(linearisation, symbols, gold.words)
        compared = compare(gold, read_spans(to_line(rebuilt.tree)), COLLINS)
        found = (compared.matched, compared.gold, compared.test, 1, int(rebuilt.malformed))
        for name, number in zip(COUNTS, found, strict=True):
            totals[name] += number
    return totals


def log(logging_outputs: Sequence[Mapping[str, Any]]) -> None:
    """Log `f1` and `malformed`, in percent, where sentences were decoded."""
    totals = {name: sum(int(one.get(name, 0)) for one in logging_outputs) for name in COUNTS}
    if not totals["_f1_sentences"]:
        return
    for name, number in totals.items():
        metrics.log_scalar_sum(name, number)
    metrics.log_derived("f1", _f1)
    metrics.log_derived("malformed", _malformed)


def _f1(meters: Any) -> float:
    """2 · matched / (gold + test), which is the harmonic mean of precision and recall."""
    brackets = meters["_f1_gold"].sum + meters["_f1_test"].sum
    return round(200.0 * meters["_f1_matched"].sum / brackets, 2) if brackets else 0.0


def _malformed(meters: Any) -> float:
    """The share of outputs that had to be mended."""
    return round(100.0 * meters["_f1_malformed"].sum / meters["_f1_sentences"].sum, 2)
