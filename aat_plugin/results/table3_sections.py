"""Table 3 on a page: every row as published with its counted parameters, and rows trained here. Read `table3` first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aat_plugin.results.page import Cell, Section, Table
from aat_plugin.results.recorded_runs import NOT_RUN, Run
from aat_plugin.results.table3 import BY_NAME, VARIATIONS, VOCABULARY, Variation, config_of
from aat_plugin.results.table3_runs import clear_rows, verdict

SIZES = ("num_layers", "d_model", "d_ff", "num_heads", "d_k", "d_v", "dropout", "label_smoothing")
LEARNED = 1.0
"""BLEU of row base under which differences from it are not taken seriously."""
HEAD = ("row", "N", "d_model", "d_ff", "h", "d_k", "d_v", "P_drop", "ε_ls", "steps", "PPL", "BLEU", "M, paper",
        "M, counted")  # fmt: skip


def sections(found: Sequence[Run]) -> list[Section]:
    """The paper's table, then a table and verdicts of each scale that was run."""
    text = [
        "English–German, newstest2013, as published. Blank cells are as in row base; row E learns its positions. "
        f"Parameters, in millions, are counted at V = {VOCABULARY:,}; why the paper's differ is in docs/table3.md.",
    ]
    table = Table(HEAD, [_published(row) for row in VARIATIONS], tuple(range(1, len(HEAD))))
    made = [Section("Table 3: variations on the Transformer", text, table, anchor="table3")]
    if not found:
        missing = [[row.name, NOT_RUN, NOT_RUN] for row in VARIATIONS]
        text = ["aat report table3 --run --budget UPDATES trains the rows at a scale."]
        return [*made, Section("Rows trained here", text, Table(("row", "PPL", "BLEU"), missing, (1, 2)), minor=True)]
    return made + [section for run in found for section in _run(run)]


def _published(row: Variation) -> list[str | Cell]:
    from aat_plugin.architecture.cost import parameters

    base = BY_NAME["base"].sizes
    cells: list[str | Cell] = [row.name]
    for name in SIZES:
        value = getattr(row.sizes, name)
        cells.append(f"{value:g}" if row.name == "base" or value != getattr(base, name) else "")
    steps = f"{row.sizes.train_steps // 1000}K" if row.name in ("base", "big") else ""
    counted = parameters(config_of(row.sizes, VOCABULARY, "paper")).total
    return [*cells, steps, f"{row.perplexity:.2f}", f"{row.bleu:.1f}",
            "" if row.parameters is None else str(row.parameters), f"{counted / 1e6:.1f}"]  # fmt: skip


def _run(run: Run) -> list[Section]:
    """What one scale gave."""
    content = run.content["table3"]
    rows: list[list[str | Cell]] = []
    for variation in VARIATIONS:
        done = content["rows"].get(variation.name)
        if done is None:
            rows.append([variation.name, NOT_RUN, NOT_RUN, "", ""])
            continue
        signs = done.get("signs")
        back = [_came_back(signs[metric]) if signs else "" for metric in ("perplexity", "bleu")]
        bleu = Cell(_spread(done["bleu"]), run.name, named=False)
        rows.append([variation.name, Cell(_spread(done["perplexity"]), run.name), bleu, *back])
    wanted = [name for name in clear_rows() if name in content["rows"]]
    text = [
        f"Scale {content['scale']}, {content['budget']:,} updates of base, {content['seeds']} seeds, "
        f"{content['experiment']}; development set, last checkpoint, no averaging. ± is half a 95 % interval.",
        *_caution(content["rows"]),
        "Rows whose published difference from base is at least half a point of BLEU:",
        *(verdict(name, content["rows"][name]["signs"]) for name in wanted),
    ]
    head = ("row", "PPL", "BLEU", "PPL: sign came back", "BLEU: sign came back")
    return [Section(f"Rows trained here, scale {content['scale']}", text, Table(head, rows, (1, 2)),
                    note=f"run {run.name}", minor=True)]  # fmt: skip


def _caution(rows: Mapping[str, Any]) -> list[str]:
    """That base has learned nothing yet, where it has not."""
    base = rows.get("base")
    if base is None or base["bleu"]["mean"] >= LEARNED:
        return []
    bleu = base["bleu"]["mean"]
    return [f"Row base has hardly begun to learn ({bleu:.2f} BLEU), so that signs against it say nothing "
            "of the paper's: give a larger --budget."]  # fmt: skip


def _spread(found: Mapping[str, Any]) -> str:
    half = "" if found["half"] is None else f" ± {found['half']:.2f}"
    return f"{found['mean']:.2f}{half}"


def _came_back(sign: Mapping[str, Any]) -> str:
    if not sign["published"]:
        return "none was published"
    answer = "yes" if sign["came_back"] else "no"
    return answer if sign["beyond_chance"] else f"{answer}, within chance"
