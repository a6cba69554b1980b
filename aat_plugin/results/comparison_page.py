"""`aat compare`'s page: the table, the curves, quality by length, and the sentences that differ most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aat_plugin.results import charts, comparison_table, parsers_compared, provenance
from aat_plugin.results.comparison import LENGTHS, Comparison, Different
from aat_plugin.results.page import Section, Table, render
from aat_plugin.results.parsers_compared import Parser

TITLE = "Systems compared"


def write(path: Path, found: Comparison, words: Sequence[str], files: Sequence[Path]) -> None:
    """Write the page.

    Args:
        path: the file.
        found: what was compared.
        words: the runs as they were typed.
        files: whose contents the figures rest on.
    """
    source = provenance.collect([f"aat compare {' '.join(words)}"], files)
    first = found.systems[0].name
    lead = f"{len(found.systems)} systems on {found.sentences} sentences; the others are held against {first}."
    _replace(path, render(TITLE, lead, sections(found, source)))


def write_parsers(
    path: Path, found: Sequence[Parser], words: Sequence[str], files: Sequence[Path], samples: int
) -> None:
    """Write the page of parsers; arguments as of `write`, and the number of drawn test sets."""
    source = provenance.collect([f"aat compare {' '.join(words)}"], files)
    lead = f"{len(found)} parsers on {found[0].sentences} sentences; the others are held against {found[0].name}."
    text = (
        f"p is small where the difference is unlikely to be chance: by the paired bootstrap over {samples} drawn test "
        f"sets; of two single runs by stratified shuffling of each sentence's counts, {10 * samples} times; of groups "
        "of seeds by Student's t over their scores, and then both must say so."
    )
    columns, rows = parsers_compared.table(found)
    table = Table(columns, rows, numeric=tuple(range(1, len(columns))))
    section = Section("Which is better?", [text], table, note=provenance.in_words(source))
    _replace(path, render("Parsers compared", lead, [section]))


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def sections(found: Comparison, source: provenance.Provenance) -> list[Section]:
    """What the page shows, in order."""
    return [
        section
        for section in (_quality(found, source), _cost(found), _curves(found), _lengths(found), _sentences(found))
        if section is not None
    ]


def _quality(found: Comparison, source: provenance.Provenance) -> Section:
    columns, rows = comparison_table.quality(found.systems)
    text = (
        f"{comparison_table.how_tested(found.systems, found.samples)}: small where the difference is unlikely to be "
        "chance. ± after one run's BLEU is half of the 95 % interval, after several seeds' the standard deviation. nll "
        "is in bits a token, without label smoothing."
    )
    note = f"{found.signature}. {provenance.in_words(source)}"
    said = [*comparison_table.verdicts(found.systems), text, *comparison_table.decodings(found.systems)]
    numeric = tuple(place for place, name in enumerate(columns) if name not in ("system", "decoding"))
    return Section("Which is better?", said, Table(columns, rows, numeric=numeric), note=note)


def _cost(found: Comparison) -> Section | None:
    columns, rows = comparison_table.cost(found.systems)
    if len(columns) < 2:
        return None
    text = (
        "As the training logs and checkpoints say: the median of target tokens a second; the most memory of the "
        "training process, or of its GPU; operations of a forward and a backward pass a target token, in sentences of "
        "30 tokens, and of the whole training."
    )
    return Section("What does it cost?", [text], Table(columns, rows, numeric=tuple(range(1, len(columns)))))


def _curves(found: Comparison) -> Section | None:
    named: dict[tuple[tuple[int, float], ...], list[str]] = {}
    for system in found.systems:  # two searches of one training have one curve
        if system.curve:
            named.setdefault(tuple(system.curve), []).append(system.name)
    drawn = {", ".join(names): [(float(x), y) for x, y in points] for points, names in named.items()}
    if not drawn:
        return None
    last = "; ".join(f"{name}: {points[-1][1]:.2f} after {points[-1][0]:.0f}" for name, points in drawn.items())
    picture = charts.curves(
        drawn, x="updates", y="perplexity, validation", alt=f"Perplexity of validation by update. {last}.", log_y=True
    )
    return Section("How they learned", [f"Perplexity of validation, at the end: {last}."], picture=picture)


def _lengths(found: Comparison) -> Section:
    head = ["words of the reference", "sentences", *(system.name for system in found.systems)]
    rows = [
        [f"{low}–{high}" if high else f"{low} and more", str(found.in_bins[number]),
         *("" if (score := system.by_length[number]) is None else f"{score:.2f}" for system in found.systems)]
        for number, (low, high) in enumerate(LENGTHS) if found.in_bins[number]
    ]  # fmt: skip
    text = "BLEU of the sentences of each length, of several seeds the mean. Few sentences give an unsteady figure."
    return Section("By length", [text], Table(head, rows, numeric=tuple(range(1, len(head)))))


def _sentences(found: Comparison) -> Section | None:
    if not found.different:
        return None
    first = found.systems[0].name
    rows = [row for one in found.different for row in _rows(one, first)]
    text = "chrF of the other system less the first's; of several seeds, the one in the middle spoke."
    return Section("Where they differ most", [text], Table(("sentence", "chrF", "", "text"), rows, numeric=(0, 1)))


def _rows(one: Different, first: str) -> list[tuple[str, ...]]:
    """A sentence in three rows, which a narrow screen has room for."""
    return [
        (str(one.number), f"{one.gain:+.1f}", "reference", one.reference),
        ("", "", first, one.first),
        ("", "", one.system, one.other),
    ]
