"""The two sides of every comparison at equal sizes: the words that a user would give to fairseq-train.

"stock" loads nothing of this plugin: fairseq's own `transformer`, `label_smoothed_cross_entropy` and Adam.
"""

from __future__ import annotations

from pathlib import Path

USER_DIR = str(Path(__file__).resolve().parent.parent / "aat_plugin")
# d_model, d_ff, heads, layers, dropout; tiny is Multi30k's published size.
SIZES = {"base": (512, 2048, 8, 6, 0.1), "big": (1024, 4096, 16, 6, 0.3), "tiny": (128, 256, 4, 4, 0.3)}
ADAM = ["--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--adam-eps", "1e-9"]
COMMON = ["--source-lang", "en", "--target-lang", "de", "--label-smoothing", "0.1", "--max-update", "1000000",
          "--num-workers", "0", "--seed", "1", "--no-progress-bar"]  # fmt: skip


def words(side: str, size: str, data: Path, extra: list[str]) -> list[str]:
    """Arguments of fairseq-train for one side.

    Args:
        side: "stock" or "aat".
        size: one of `SIZES`.
        data: a data-bin with one joined dictionary.
        extra: more of them, for this side.
    """
    d_model, d_ff, heads, layers, dropout = map(str, SIZES[size])
    if side == "aat":
        own = ["--user-dir", USER_DIR, "--task", "aat_translation", "--arch", "aat_transformer", "--num-layers", layers,
               "--d-model", d_model, "--d-ff", d_ff, "--num-heads", heads, "--criterion", "aat_label_smoothing",
               "--lr-scheduler", "aat_noam", "--share-all-embeddings", "true"]  # fmt: skip
    else:
        own = ["--task", "translation", "--arch", "transformer", "--share-all-embeddings",
               "--criterion", "label_smoothed_cross_entropy", "--lr", "7e-4", "--lr-scheduler", "inverse_sqrt",
               "--warmup-updates", "4000", "--warmup-init-lr", "1e-7"]  # fmt: skip
        for stack in ("encoder", "decoder"):
            own += [f"--{stack}-layers", layers, f"--{stack}-embed-dim", d_model, f"--{stack}-ffn-embed-dim", d_ff,
                    f"--{stack}-attention-heads", heads]  # fmt: skip
    return [str(data), *own, "--dropout", dropout, *ADAM, *COMMON, *extra]
