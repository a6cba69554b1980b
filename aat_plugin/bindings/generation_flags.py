"""fairseq's generation flags as the plugin's search takes them: each one is supported, harmless or refused by name.

`SUPPORTED`, `HARMLESS` and `REFUSED` together are fairseq's GenerationConfig, field by field (a test holds this), so
that no flag is ever ignored. Read `generator` next.
"""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairseq.dataclass.configs import GenerationConfig
from omegaconf import DictConfig

from aat_plugin import conventions
from aat_plugin.bindings.flags import truth
from aat_plugin.errors import ConfigError, UnknownOptionError, UnsupportedOptionError, choose, nearest


@dataclass(frozen=True)
class GenerationFlags:
    """The flags that the plugin reads, in their types; names and meanings are fairseq's."""

    beam: int
    nbest: int
    max_len_a: float
    max_len_b: float
    min_len: int
    lenpen: float
    unnormalized: bool
    unkpen: float
    temperature: float
    no_repeat_ngram_size: int
    prefix_size: int
    score_reference: bool
    print_alignment: str | None
    replace_unk: str | None
    retain_dropout: bool
    retain_dropout_modules: Any

    @property
    def needs_alignment(self) -> bool:
        """Whether attention must be turned into an alignment."""
        return self.print_alignment is not None or self.replace_unk is not None


SUPPORTED: frozenset[str] = frozenset(field.name for field in dataclasses.fields(GenerationFlags))

HARMLESS: Mapping[str, str] = {
    "sacrebleu": "read by fairseq-generate itself, which only chooses a warning by it",
    "no_beamable_mm": "read by prepare_for_inference_, before a generator is built",
    "no_seed_provided": "set by fairseq's own option parser; a beam search draws nothing",
}
"""Flags that mean the same whatever the search is, and why."""

REFUSED: frozenset[str] = frozenset({
    "beam_mt", "max_len_a_mt", "max_len_b_mt", "lenpen_mt",  # two-pass speech decoders
    "match_source_len", "no_early_stop", "sampling", "sampling_topk", "sampling_topp", "constraints",
    "diverse_beam_groups", "diverse_beam_strength", "diversity_rate",
    "print_step", "lm_path", "lm_weight",
    "iter_decode_eos_penalty", "iter_decode_max_iter", "iter_decode_force_max_iter", "iter_decode_with_beam",
    "iter_decode_with_external_reranker", "retain_iter_history", "decoding_format", "eos_token",
})  # fmt: skip
"""Flags of other searches: an error as soon as they differ from their default."""


def defaults() -> dict[str, Any]:
    """fairseq's own defaults of all generation flags."""
    fields = dataclasses.fields(GenerationConfig)
    return {field.name: field.default for field in fields if not field.name.startswith("_")}


def read(args: DictConfig | Namespace, convention: str | None = None) -> GenerationFlags:
    """Read and check the flags.

    Args:
        args: fairseq-generate's, interactive's and the hub's `cfg.generation`, which always holds every flag; or the
            namespace of --eval-bleu-args, which holds only what its JSON names. What is absent there has fairseq's
            default, but beam, lenpen, max_len_a and max_len_b are `convention`'s: the paper's are 4, 0.6, 1 and 50.
        convention: whose defaults; None for the paper's.

    Raises:
        UnsupportedOptionError: names the flag that the plugin's search does not have.
        UnknownOptionError: a flag that fairseq does not have either.
        ConfigError: a value that cannot work.
    """
    given = _given(args)
    stock = defaults()
    for name, value in given.items():
        if name in REFUSED and value != stock[name]:
            as_typed = _flag(name) if value is True else f"{_flag(name)} {value}"
            raise UnsupportedOptionError(
                f"{as_typed} is not supported by the plugin's beam search; leave it out, "
                "or decode with --task translation for fairseq's own"
            )
        if name not in stock:
            raise UnknownOptionError(f"{_flag(name)} is no generation option{nearest(name, stock)}")
    values = {**stock, **conventions.resolve(convention, "generation", {}), **given}
    flags = _typed(values)
    if flags.replace_unk is not None and flags.print_alignment == "soft":
        raise ConfigError("--replace-unk needs one source word for each unknown one: use --print-alignment hard")
    return flags


def _given(args: DictConfig | Namespace) -> dict[str, Any]:
    """What `args` holds, by name; a prefix function travels beside the flags and is refused here."""
    held = {str(name): args[name] for name in args} if isinstance(args, DictConfig) else dict(vars(args))
    if held.pop("prefix_allowed_tokens_fn", None) is not None:
        raise UnsupportedOptionError("prefix_allowed_tokens_fn is not supported by the plugin's beam search")
    return {name: value for name, value in held.items() if not name.startswith("_")}


def _typed(values: Mapping[str, Any]) -> GenerationFlags:
    flags = GenerationFlags(
        beam=_whole("beam", values["beam"], least=1),
        nbest=_whole("nbest", values["nbest"], least=1),
        max_len_a=_number("max_len_a", values["max_len_a"]),
        max_len_b=_number("max_len_b", values["max_len_b"]),
        min_len=_whole("min_len", values["min_len"], least=0),
        lenpen=_number("lenpen", values["lenpen"]),
        unnormalized=truth("unnormalized", values["unnormalized"], default=False),
        unkpen=_number("unkpen", values["unkpen"]),
        temperature=_number("temperature", values["temperature"]),
        no_repeat_ngram_size=_whole("no_repeat_ngram_size", values["no_repeat_ngram_size"], least=0),
        prefix_size=_whole("prefix_size", values["prefix_size"], least=0),
        score_reference=truth("score_reference", values["score_reference"], default=False),
        print_alignment=_alignment_kind(values["print_alignment"]),
        replace_unk=None if values["replace_unk"] is None else str(values["replace_unk"]),
        retain_dropout=truth("retain_dropout", values["retain_dropout"], default=False),
        retain_dropout_modules=values["retain_dropout_modules"],
    )
    if flags.temperature <= 0:
        raise ConfigError(f"--temperature {flags.temperature} is not above 0")
    if flags.nbest > flags.beam:
        raise ConfigError(f"--nbest {flags.nbest} is more than --beam {flags.beam} can give; raise the beam")
    return flags


def _alignment_kind(value: object) -> str | None:
    """None, "hard" or "soft"; a plain true means hard, as in fairseq."""
    if value is None or value is False:
        return None
    return "hard" if value is True else choose("print_alignment", str(value), ("hard", "soft"))


def _number(name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise ConfigError(f"{_flag(name)} {value!r} is not a number") from None


def _whole(name: str, value: object, least: int) -> int:
    number = _number(name, value)
    if not number.is_integer() or number < least:
        raise ConfigError(f"{_flag(name)} {value!r} is not a whole number of at least {least}")
    return int(number)


def _flag(name: str) -> str:
    """The option as it is typed."""
    return "--" + name.replace("_", "-")
