"""Write docs/plan.md: what each WMT14 experiment takes on each hardware group, beside the paper's hours.

    python scripts/write_plan.py [FILE]

Run it after a config or the model changed; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aat_plugin.bindings.plan_request import setup
from aat_plugin.cli.paths import conf_dir
from aat_plugin.cli.plan import of_setup
from aat_plugin.results.plan import ASSUMED, LONGEST

EXPERIMENTS = ("wmt14_en_de_base", "wmt14_en_de_big", "wmt14_en_fr_base", "wmt14_en_fr_big")
HARDWARE = ("gpu8", "gpu4", "gpu2", "gpu1", "cpu")
UTILISATION = 0.3

HEAD = f"""\
# What the WMT14 experiments take

Written by `scripts/write_plan.py` from the configs and the model; a test holds them together. `aat plan EXPERIMENT`
says the same of one experiment, also for other devices (`--gpus 3 --memory 16GiB`) and other overrides.

All of this is reckoned; nothing was run on a GPU. Memory is a device's, for a pack of sentences of {LONGEST} tokens,
by the rules of docs/batching.md. Hours are those of the whole run at {UTILISATION:.0%} of the GPUs' peak: in float32 on
P100, as the paper's, and in half precision on the others. Corpora are assumed until they are prepared: 4.5 M pairs of
28 tokens (EN-DE), 36 M of 31 (EN-FR). The paper's hours are for 8 P100 and for no language pair in particular (Section
5.2).
"""
COLUMNS = ("experiment", "hardware", "update_freq", "tokens a pack", "updates an epoch", "operations an update",
           "GiB float32", "GiB bf16", "h P100", "h V100", "h A100", "h H100", "the paper")  # fmt: skip


def text() -> str:
    """The page."""
    lines = [HEAD, f"| {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * (len(COLUMNS) - 2)]
    for experiment in EXPERIMENTS:
        lines += [f"| {' | '.join(_row(experiment, hardware))} |" for hardware in HARDWARE]
    return "\n".join(lines) + "\n"


def _row(experiment: str, hardware: str) -> list[str]:
    corpus = next(one for name, one in ASSUMED.items() if experiment.startswith(name))
    asked = setup(conf_dir(), experiment, [f"hardware={hardware}", "task.data=not-prepared"], None)
    whole = of_setup(asked, corpus, None, UTILISATION)
    asked.cfg.task.precision = "bf16"
    half = of_setup(asked, corpus, None, UTILISATION)
    hours = [f"{whole.hours['P100']:,.1f}", *(f"{half.hours[name]:,.1f}" for name in ("V100", "A100", "H100"))]
    return [
        experiment, hardware, str(whole.batches.update_freq), f"{whole.batches.tokens_per_pack:,}",
        f"{whole.updates_per_epoch:,}", f"{whole.operations:.2e}",
        *(f"{made.memory.total / 2**30:.1f}" for made in (whole, half)),
        *(hours if hardware != "cpu" else ["–"] * len(hours)), f"{whole.paper_hours:g}",
    ]  # fmt: skip


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[1] / "docs/plan.md"
    Path(sys.argv[1] if len(sys.argv) > 1 else default).write_text(text(), encoding="utf-8")
