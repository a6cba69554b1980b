"""fairseq's generation flags: supported, harmless or refused, and none of them ignored."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

import pytest
from fairseq.dataclass.configs import GenerationConfig
from omegaconf import OmegaConf

from aat_plugin.bindings import generation_flags
from aat_plugin.bindings.generation_flags import HARMLESS, REFUSED, SUPPORTED, read
from aat_plugin.errors import ConfigError, UnknownOptionError, UnsupportedOptionError

STOCK = {field.name: field.default for field in dataclasses.fields(GenerationConfig) if field.name != "_name"}

OTHER = {
    "constraints": "ordered", "lm_path": "lm.pt", "decoding_format": "ensemble", "eos_token": "</s>",
}  # fmt: skip
"""A value that differs from the default, where the default's type does not tell one."""


def differing(name: str) -> object:
    """A value of the flag that is not its default."""
    default = STOCK[name]
    if isinstance(default, bool):
        return not default
    return OTHER[name] if default is None else default + 1


def test_every_flag_of_fairseqs_is_in_exactly_one_list():
    assert sorted([*SUPPORTED, *HARMLESS, *REFUSED]) == sorted(STOCK)


@pytest.mark.parametrize("name", sorted(REFUSED))
@pytest.mark.parametrize("as_command", [True, False])
def test_a_flag_that_is_not_supported_is_refused_by_name_but_its_default_is_not(name, as_command):
    def given(**values):
        if as_command:
            return OmegaConf.merge(OmegaConf.structured(GenerationConfig), values)
        return Namespace(**values)

    read(given(**{name: STOCK[name]}))
    with pytest.raises(UnsupportedOptionError, match="--" + name.replace("_", "-")):
        read(given(**{name: differing(name)}))


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_harmless_flags_change_nothing(name):
    assert read(Namespace(**{name: True})) == read(Namespace())


def test_a_command_gives_every_flag_and_fairseqs_defaults_stand():
    flags = read(OmegaConf.structured(GenerationConfig))
    given = {name: getattr(flags, name) for name in SUPPORTED}
    assert given == {name: STOCK[name] for name in SUPPORTED}


def test_what_eval_bleu_args_leave_out_is_the_papers_or_the_conventions():
    flags = read(Namespace())
    assert (flags.beam, flags.lenpen, flags.max_len_a, flags.max_len_b) == (4, 0.6, 1.0, 50.0)
    assert (flags.nbest, flags.min_len, flags.temperature, flags.unkpen) == (1, 1, 1.0, 0.0)
    flags = read(Namespace(), "fairseq")
    assert (flags.beam, flags.lenpen, flags.max_len_a, flags.max_len_b) == (5, 1.0, 0.0, 200.0)
    assert read(Namespace(beam=2, max_len_a=1.2)).beam == 2


def test_a_name_that_is_no_flag_is_refused_with_the_nearest():
    with pytest.raises(UnknownOptionError, match=r"--lenpenn .*'lenpen'"):
        read(Namespace(lenpenn=1))


@pytest.mark.parametrize(("name", "value"), [
    ("beam", 0), ("beam", 2.5), ("beam", "many"), ("nbest", 0), ("lenpen", "x"), ("min_len", -1), ("temperature", 0.0),
    ("no_repeat_ngram_size", -1), ("unnormalized", "perhaps"), ("print_alignment", "firm"), ("prefix_size", -2),
])  # fmt: skip
def test_a_value_that_cannot_work_is_an_error_that_names_its_flag(name, value):
    with pytest.raises(ConfigError, match=name.replace("_", ".")):
        read(Namespace(**{name: value}))


def test_more_hypotheses_than_the_beam_are_not_promised():
    with pytest.raises(ConfigError, match=r"--nbest 6 .* --beam 5"):
        read(Namespace(beam=5, nbest=6))


def test_print_alignment_is_hard_or_soft():
    for value, kind in [(None, None), (False, None), (True, "hard"), ("hard", "hard"), ("soft", "soft")]:
        assert read(Namespace(print_alignment=value)).print_alignment == kind


def test_replacing_unknown_words_needs_hard_alignments():
    assert read(Namespace(replace_unk="", print_alignment="hard")).needs_alignment
    assert not read(Namespace()).needs_alignment
    with pytest.raises(ConfigError, match="--replace-unk"):
        read(Namespace(replace_unk="", print_alignment="soft"))


def test_a_prefix_function_beside_the_flags_is_refused():
    with pytest.raises(UnsupportedOptionError, match="prefix_allowed_tokens_fn"):
        read(Namespace(prefix_allowed_tokens_fn=lambda *_: [4]))
    assert generation_flags.defaults()["beam"] == 5
