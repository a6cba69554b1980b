"""Switches are text on fairseq's command line: with a word, without one, or not there at all."""

import argparse  # no postponed annotations here: fairseq reads the fields' types
from dataclasses import dataclass
from typing import Optional

import pytest
from fairseq.dataclass import FairseqDataclass
from fairseq.dataclass.utils import gen_parser_from_dataclass

from aat_plugin.bindings.flags import governed_flag, stock_switch, switch, truth
from aat_plugin.errors import ConfigError


@dataclass
class Options(FairseqDataclass):
    before: Optional[str] = switch("norm before")  # noqa: UP045  (fairseq reads Optional)
    pad_left: str = stock_switch("pad on the left")
    pad_right: str = stock_switch("pad on the right", default="False")
    rule: Optional[str] = governed_flag("which rule")  # noqa: UP045


def parsed(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    gen_parser_from_dataclass(parser, Options())
    return vars(parser.parse_args(words))


def test_what_is_not_typed_is_not_given_or_stocks_default():
    assert parsed() == {"before": None, "pad_left": "True", "pad_right": "False", "rule": None}


@pytest.mark.parametrize(("words", "name", "value"), [
    (["--before"], "before", True), (["--before", "true"], "before", True), (["--before", "False"], "before", False),
    (["--pad-left"], "pad_left", False), (["--pad-left", "False"], "pad_left", False),
    (["--pad-left", "True"], "pad_left", True), (["--pad-right"], "pad_right", True),
])  # fmt: skip
def test_a_switch_is_typed_bare_or_with_a_word(words, name, value):
    """fairseq's own booleans switch to the opposite of their default when they are typed bare."""
    assert truth(name, parsed(*words)[name], default=not value) is value


@pytest.mark.parametrize("given", [True, "true", "True", "TRUE"])
def test_yaml_and_python_may_write_it_either_way(given):
    assert truth("x", given, default=False) is True
    assert truth("x", None, default=False) is False


def test_another_word_is_refused_by_name():
    with pytest.raises(ConfigError, match="normalize_before='yes please' is neither true nor false"):
        truth("normalize_before", "yes please", default=False)
