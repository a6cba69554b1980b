"""How a comparison is shown in rows: which system is better, and what each costs.

A figure that nobody measured of any system has no column; one that is missing for a system alone says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from aat_plugin.results.comparison import System

QUALITY = ("system", "BLEU", "difference", "p", "nll", "perplexity", "decoding")
COST = ("system", "parameters", "updates", "tokens/s", "peak GiB", "MFLOP/token", "FLOP, training")
NOT_RUN = "not run"


def quality(systems: Sequence[System]) -> tuple[list[str], list[list[str]]]:
    """The columns and a row for each system: how good, and how decoded where systems differ in that."""
    rows, (_, own) = [], _ways(systems)
    for number, system in enumerate(systems):
        spread = system.interval if system.deviation is None else system.deviation
        seeds = f" ({len(system.scores)} seeds)" if len(system.scores) > 1 else ""
        tested = ("", "") if number == 0 else (f"{system.difference:+.2f}", f"{system.p_value:.4f}")
        rows.append([
            f"{system.name}{seeds}", f"{system.mean:.2f} ± {spread:.2f}", *tested,
            _shown(system.nll, ".3f"), _shown(system.perplexity, ".2f"), own[number],
        ])  # fmt: skip
    return _filled(QUALITY, rows)


def cost(systems: Sequence[System]) -> tuple[list[str], list[list[str]]]:
    """The columns and a row for each system: at what price."""
    rows = [
        [
            system.name, _shown(system.parameters, ","), _shown(system.updates, ","),
            _shown(system.tokens_per_second, ",.0f"), _shown(system.peak_gb, ".2f"),
            _shown(None if system.flops_per_token is None else system.flops_per_token / 1e6, ",.1f"),
            _shown(system.flops, ".1e"),
        ]
        for system in systems
    ]  # fmt: skip
    return _filled(COST, rows)


def _filled(columns: Sequence[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    kept = [number for number in range(len(columns)) if any(row[number] not in ("", NOT_RUN) for row in rows)]
    return [columns[number] for number in kept], [[row[number] for number in kept] for row in rows]


def _shown(value: float | None, form: str) -> str:
    return NOT_RUN if value is None else format(value, form)


def decodings(systems: Sequence[System]) -> list[str]:
    """How all systems were decoded, as far as it was one way."""
    shared, _ = _ways(systems)
    return [f"All were decoded with {shared}."] if shared else []


def _ways(systems: Sequence[System]) -> tuple[str, list[str]]:
    """What all systems' decodings share, and what else each has; nothing where one was not said."""
    ways = [system.decoding.split(", ") for system in systems]
    shared = [part for part in ways[0] if all(part in way for way in ways)]
    return ", ".join(shared), [", ".join(part for part in way if part not in shared) for way in ways]


def verdicts(systems: Sequence[System]) -> list[str]:
    """What the tests say of each system but the first, in a sentence each."""
    return [_verdict(system) for system in systems[1:]]


def _verdict(system: System) -> str:
    assert system.p_value is not None
    by = f"p = {system.p_value:.4f}"
    if system.p_sentences is not None:
        seeds = "not run" if system.p_seeds is None else f"{system.p_seeds:.4f}"
        by += f": by sentences {system.p_sentences:.4f}, by seeds {seeds}"
    return f"{system.name}: {system.verdict} ({system.difference:+.2f} BLEU, {by})"


def how_tested(systems: Sequence[System], samples: int) -> str:
    """What p is, in a sentence."""
    text = f"p is of the paired bootstrap over {samples} drawn test sets, of either side, against {systems[0].name}"
    if any(system.p_sentences is not None for system in systems):
        text += "; of groups of seeds the larger of the bootstrap's and Student's t over the seeds' scores"
    return text
