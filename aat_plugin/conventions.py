"""ONE table of every place where the paper, tensor2tensor and fairseq differ, and the value chosen for each dialect.

Sections 3 to 6.1. A dialect is set by `convention=paper|t2t_release|t2t_head|fairseq`; each field it governs can also
be set on its own and then wins. The governed options default to None and are resolved once, when the config is built
(`resolve`), so that a checkpoint stores what was used. Read `architecture.config` next, which consumes the model's
rows.

Sources: the paper (arXiv 1706.03762); tensor2tensor 3d9c62f2 of 2017-06 ("t2t_release") and bafdc1b6 of 2023-04
("t2t_head", `transformer_base_v3`); fairseq's `transformer`, `label_smoothed_cross_entropy` and generator ("fairseq").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aat_plugin.errors import ConfigError, choose

Value = str | int | float | bool
Scope = Literal["model", "criterion", "search", "optimizer", "lr_scheduler", "generation"]

DIALECTS: tuple[str, ...] = ("paper", "t2t_release", "t2t_head", "fairseq")
DEFAULT_DIALECT = "paper"


@dataclass(frozen=True)
class Row:
    """One place where the dialects differ.

    Attributes:
        field: the option's name, as typed.
        scope: which config holds it. "optimizer" and "generation" belong to fairseq: the Hydra groups set them, and
            from flags a mismatch is warned about.
        section: of the paper.
        values: one for each dialect, in the order of `DIALECTS`.
        paper_says: the paper's words in short, or "silent".
        why: the reason for our value under `paper` where the paper is silent, or what the others do.
    """

    field: str
    scope: Scope
    section: str
    values: tuple[Value, Value, Value, Value]
    paper_says: str
    why: str

    def value(self, dialect: str) -> Value:
        """The value under one of `DIALECTS`."""
        return self.values[DIALECTS.index(dialect)]


ROWS: tuple[Row, ...] = (
    Row("normalize_before", "model", "3.1", (False, False, True, False),
        "LayerNorm(x + Sublayer(x))", "true = x + Sublayer(LayerNorm(x)); tensor2tensor's default since October 2017"),
    Row("final_norm", "model", "3.1", ("with_pre_norm", "never", "with_pre_norm", "with_pre_norm"),
        "silent", "a norm after each stack's last layer; with_pre_norm = where normalize_before is true, whose sums "
        "would else leave the stack unnormalised; the release had none; always = as torch.nn.Transformer has it"),
    Row("attention_bias", "model", "3.2.2", (False, True, False, True),
        "head = Attention(Q W^Q, K W^K, V W^V): no biases written",
        "tensor2tensor dropped them in November 2017; the feed-forward's are written in Eq. 2 and everybody has them, "
        "and nobody has one before the softmax"),
    Row("position_layout", "model", "3.5", ("interleaved", "halves", "halves", "halves"),
        "sine at 2i, cosine at 2i+1", "halves = all sines, then all cosines: a permutation of the channels"),
    Row("position_frequencies", "model", "3.5", ("paper", "t2t", "t2t", "t2t"),
        "10000^(-2i/d_model)", "t2t = 10000^(-i/(d_model/2 - 1)): the last wavelength is exactly 10000 · 2π"),
    Row("first_position", "model", "3.5", (0, 0, 0, 2),
        "silent", "0 is the formula's own origin; fairseq starts at padding_idx + 1"),
    Row("layer_norm_eps", "model", "3.1", (1e-5, 1e-6, 1e-6, 1e-5),
        "silent", "1e-5, so that stock fairseq can express the same model"),
    Row("initialization", "model", "3", ("fairseq", "joined", "glorot", "fairseq"),
        "silent", "fairseq's learns soonest on a small corpus (300 updates of Multi30k: nll of 6.1 bits; joined 6.4, "
        "glorot 7.0) and stock fairseq can express it: Q, K, V scaled by 1/sqrt(2), the feed-forward as torch has it. "
        "glorot = tensor2tensor's uniform fan_avg; joined = that with the fan of what its release projected in one: "
        "Q, K, V of self-attention, K, V over the source. Embeddings are Normal(0, d_model^-0.5) in all"),
    Row("attention_dropout", "model", "5.4", (0.0, 0.0, 0.1, 0.0),
        "dropout on sub-layer outputs and on the embedding sums only",
        "5.4 names two places and this is neither; 6.3 speaks of attention dropout for parsing"),
    Row("activation_dropout", "model", "5.4", (0.0, 0.0, 0.1, 0.0),
        "dropout on sub-layer outputs and on the embedding sums only", "tensor2tensor's relu_dropout"),
    Row("decoder_start", "model", "3.1", ("eos", "zero", "zero", "eos"),
        "output embeddings offset by one position; the first input is not named",
        "eos = the end symbol's embedding, as fairseq's data has it; zero = a zero vector, as tensor2tensor shifts"),
    Row("target_space_embedding", "model", "3.4", (False, True, True, False),
        "silent", "tensor2tensor adds one row of a learned 32-row table to every encoder input"),
    Row("smoothing_mass", "criterion", "5.4", ("all", "others", "others", "others"),
        "label smoothing as in Szegedy et al.: ε/V on all classes",
        "others = ε/(V-1) on all but the true class; others_but_pad = ε/(V-2), as in the Annotated Transformer"),
    Row("length_penalty", "search", "6.1", ("gnmt", "gnmt", "gnmt", "power"),
        "the length penalty of Wu et al. 2016", "gnmt = ((5+|Y|)/6)^α; power = |Y|^α; none"),
    Row("stop_rule", "search", "6.1", ("bound", "bound", "bound", "count"),
        "terminate early when possible",
        "bound = stop when no open hypothesis can beat the finished ones; count = stop at `beam` finished ones"),
    Row("length_limit", "search", "6.1", ("sentence", "batch", "batch", "batch"),
        "input length + 50", "sentence = each sentence's own length; batch = the padded batch's length"),
    Row("beam", "generation", "6.1", (4, 4, 4, 5), "beam size of 4", "fairseq's default is 5"),
    Row("lenpen", "generation", "6.1", (0.6, 0.6, 0.6, 1.0), "α = 0.6", "fairseq's default is 1"),
    Row("max_len_a", "generation", "6.1", (1.0, 1.0, 1.0, 0.0), "input length + 50", "fairseq's default is 0·|x|+200"),
    Row("max_len_b", "generation", "6.1", (50, 50, 100, 200), "input length + 50", "tensor2tensor's head: + 100"),
    Row("adam_betas", "optimizer", "5.3", ("(0.9, 0.98)", "(0.9, 0.98)", "(0.9, 0.997)", "(0.9, 0.98)"),
        "β1 = 0.9, β2 = 0.98", "fairseq's translation recipes; its bare default is (0.9, 0.999)"),
    Row("adam_eps", "optimizer", "5.3", (1e-9, 1e-9, 1e-9, 1e-8), "ε = 1e-9", "fairseq's default is 1e-8"),
    Row("warmup_updates", "lr_scheduler", "5.3", (4000, 4000, 8000, 4000),
        "warmup_steps = 4000", "tensor2tensor doubled it in October 2017"),
    Row("lr_factor", "lr_scheduler", "5.3", (1.0, 1.0, 2.0, 1.0),
        "Eq. 3 has no factor", "tensor2tensor's head multiplies Eq. 3 by 2"),
)

WITHOUT_OPTION: tuple[tuple[str, str, str], ...] = (
    ("3.2.1", "illegal connections",
     "the paper and we set them to -∞; tensor2tensor adds -10^9, which differs only where a query may see nothing "
     "at all"),
    ("5.1", "batches",
     "the paper states about 25000 source and 25000 target tokens; --tokens-per-update makes updates of real tokens "
     "(docs/batching.md); without it we fill, as fairseq does, batches of similar length up to max_tokens padded "
     "places of the longer side; tensor2tensor fills length buckets, 4096 padded places a device"),
    ("5.3", "where Adam adds ε",
     "TensorFlow, and fairseq's own Adam, which trains our models, add it to the root of the uncorrected second "
     "moment; torch.optim.Adam, and NVIDIA's fused one, correct the moment first; with ε = 1e-9 they differ only "
     "where gradients are nearly zero"),
    ("5.3", "lazy updates",
     "tensor2tensor's release left the moments of embedding rows without a gradient alone (LazyAdam); PyTorch's "
     "Adam decays them"),
    ("5.4", "the loss as printed",
     "tensor2tensor subtracts the smoothed distribution's entropy, a constant, and its release multiplies one "
     "problem's loss by 1.4, which Adam undoes; we print the cross entropy"),
    ("6.2", "rows of learned positions",
     "Table 3's row (E) does not say how many; ours has one for each of max_source_positions and "
     "max_target_positions, as fairseq; tensor2tensor's later option has 256"),
)
"""Differences for which there is no option: (section, place, what each does). Read by `docs/differences.md` alone."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "final_norm": ("with_pre_norm", "never", "always"),
    "position_layout": ("interleaved", "halves"),
    "position_frequencies": ("paper", "t2t"),
    "initialization": ("glorot", "joined", "fairseq"),
    "decoder_start": ("eos", "zero"),
    "smoothing_mass": ("all", "others", "others_but_pad"),
    "length_penalty": ("gnmt", "power", "none"),
    "stop_rule": ("bound", "count"),
    "length_limit": ("sentence", "batch"),
}


def rows(scope: Scope) -> tuple[Row, ...]:
    """The rows that one config holds, in the table's order."""
    return tuple(row for row in ROWS if row.scope == scope)


def value(field: str, dialect: str = DEFAULT_DIALECT) -> Value:
    """What `field` is under `dialect`.

    Raises:
        ConfigError: an unknown dialect.
        KeyError: no row of that name.
    """
    choose("convention", dialect, DIALECTS)
    for row in ROWS:
        if row.field == field:
            return row.value(dialect)
    raise KeyError(field)


def resolve(dialect: str | None, scope: Scope, given: Mapping[str, object]) -> dict[str, Value]:
    """Resolve each governed option of one scope: what the user gave wins, else the dialect's value.

    Args:
        dialect: one of `DIALECTS`, or None for the paper's.
        scope: whose rows to resolve.
        given: option → the user's value; None (or absent) means "not given". Booleans may come as text ("true").

    Returns:
        option → value, in the type of the table.

    Raises:
        ConfigError: an unknown dialect, or a value that the option cannot take.
    """
    name = choose("convention", dialect or DEFAULT_DIALECT, DIALECTS)
    resolved: dict[str, Value] = {}
    for row in rows(scope):
        asked = given.get(row.field)
        resolved[row.field] = row.value(name) if asked is None else _typed(row, asked)
    return resolved


def _typed(row: Row, asked: object) -> Value:
    """The user's value in the type that the table has for this row."""
    kind = type(row.values[0])
    if kind is bool:
        return _boolean(row.field, asked)
    if kind is str:
        text = str(asked)
        return choose(row.field, text, CHOICES[row.field]) if row.field in CHOICES else text
    try:
        number = float(str(asked))
    except ValueError:
        raise ConfigError(f"{row.field}={asked!r} is not a number") from None
    return int(number) if kind is int else number


def _boolean(field: str, asked: object) -> bool:
    text = str(asked).lower()
    if text in ("true", "yes", "1"):
        return True
    if text in ("false", "no", "0"):
        return False
    raise ConfigError(f"{field}={asked!r} is neither true nor false")
