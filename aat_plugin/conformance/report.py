"""The outcomes of a run for a reader: rows of text, a page in Markdown, and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aat_plugin.conformance.comparisons import Outcome

HEADINGS = ("section", "equation", "what was compared", "largest deviation", "tolerance", "")


def cells(outcome: Outcome) -> tuple[str, ...]:
    """One row under `HEADINGS`; the last cell says `equal` or what is wrong."""
    verdict = "equal" if outcome.equal else outcome.error or "DIFFERS"
    deviation = "none" if outcome.deviation is None else f"{outcome.deviation:.1e}"
    return (
        outcome.section, outcome.equation, outcome.compared, deviation, f"{outcome.tolerance:.0e}", verdict
    )  # fmt: skip


def as_json(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Whether everything is equal, and each row."""
    rows = [{**asdict(outcome), "equal": outcome.equal} for outcome in outcomes]
    return {"equal": all(outcome.equal for outcome in outcomes), "rows": rows}


def markdown(outcomes: Sequence[Outcome], command: str, provenance: Mapping[str, Any]) -> str:
    """A page with the table and where it was made.

    Args:
        outcomes: of a run.
        command: what was typed.
        provenance: as `results.provenance.collect` gives it.
    """
    versions = ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
    equal = sum(outcome.equal for outcome in outcomes)
    head = (
        "# Conformance: every equation of the paper, compared\n\n"
        f"Written by `{command}` on {provenance['date'][:10]}, plugin {provenance['plugin']['version']}; {versions}.\n"
        "\nEach row compares the package with a restatement in NumPy and plain loops (`aat_plugin/conformance/`), in\n"
        "float64, or with digits that were evaluated beforehand. Deviations are absolute where the row does not say\n"
        "relative; 0 means bit for bit. An equation of the list that nothing compared would be a failing row.\n"
        "`tests/conformance/` runs the same comparisons one by one, adds properties over drawn inputs, and changes\n"
        "the package's constants one at a time to see the table turn red. It also loads the same weights into\n"
        "torch.nn.Transformer (held to 1e-12) and into stock fairseq's `transformer` (2e-5 in float32, under\n"
        "`convention=fairseq`). `tests/fairseq/test_trajectory.py` trains both through fairseq-train for 200 updates\n"
        "from the same weights and on the same batches; losses (relative) and parameters are held to 1e-5.\n\n"
        f"{equal} of {len(outcomes)} comparisons are equal.\n\n"
    )
    rows = "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells(o))} |\n" for o in outcomes)
    return f"{head}| {' | '.join(HEADINGS)} |\n{'|---' * len(HEADINGS)}|\n{rows}"
