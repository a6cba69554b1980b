"""Reading fairseq-generate's output: the input's order, the best of n, BPE joined, and nothing missing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.errors import DataError
from aat_plugin.translation.generated import is_generated, join_bpe, read_generated, reference_bits

PRINTED = """\
2026-01-01 10:00:00 | INFO | fairseq.tasks.translation | [en] dictionary: 80 types
S-1	the dog
T-1	der Hu@@ nd
H-1	-0.75	ein Hund
D-1	-0.75	ein Hund
P-1	-0.5 -0.5 -1.25
H-1	-0.25	der Hu@@ nd
D-1	-0.25	der Hund
P-1	-0.25 -0.25 -0.25 -0.25
S-0	cats
T-0	Kat@@ zen
H-0	-0.5	Kat@@ zen
D-0	-0.5	Katzen
P-0	-0.5 -0.5 -0.5
Generate test with beam=2: BLEU4 = 50.00
"""
OUTPUT = PRINTED.splitlines()


def test_sentences_come_in_the_inputs_order_with_the_best_hypothesis_and_bpe_joined():
    found = read_generated(OUTPUT, "gen")
    assert found.hypotheses == ("Katzen", "der Hund")
    assert found.references == ("Katzen", "der Hund")
    assert found.joined == 2


def test_d_lines_count_only_where_they_say_more_than_h_lines():
    assert read_generated(OUTPUT, "gen").texts is None
    detokenised = [line.replace("D-1\t-0.25\tder Hund", "D-1\t-0.25\tDer Hund.") for line in OUTPUT]
    assert read_generated(detokenised, "gen").texts == ("Katzen", "Der Hund.")


@given(st.permutations(range(5)))
def test_any_order_of_batches_gives_the_same(order):
    blocks = {index: [f"T-{index}\tr {index}", f"H-{index}\t-0.5\th {index}"] for index in range(5)}
    found = read_generated([line for index in order for line in blocks[index]], "gen")
    assert found.hypotheses == tuple(f"h {index}" for index in range(5))
    assert found.references == tuple(f"r {index}" for index in range(5))


@pytest.mark.parametrize("line", ["H-0\t-inf\t", "H-0\t-inf", "H-0\tnan\t", "H-0\t-1e-05\t"])
def test_an_empty_hypothesis_is_a_hypothesis(line):
    assert read_generated([line], "gen").hypotheses == ("",)


def test_interactive_output_has_no_references():
    assert read_generated([line for line in OUTPUT if not line.startswith("T-")], "gen").references is None


@pytest.mark.parametrize(("line", "joined"), [
    ("ein Wohn@@ haus", "ein Wohnhaus"), ("a@@ b@@ c d", "abc d"), ("ab@@", "ab"), ("a @@b", "a @@b"), ("a@@b", "a@@b"),
])
def test_bpe_is_joined_as_sed_does(line, joined):
    assert join_bpe(line) == joined


@pytest.mark.parametrize(("lines", "expected"), [
    (["H-0 a", "H-x\t1\tb", "H-1\tword\tc"], False),
    ([f"H-{'9' * 5000}\t1\ta"], False),
    ([], False),
    (["T-0\ta"], False),
    (["a", "H-12\t-0.5\tb"], True),
])
def test_plain_sentences_are_not_taken_for_output(lines, expected):
    assert is_generated(lines) is expected


def without(prefix):
    return [line for line in OUTPUT if not line.startswith(prefix)]


@pytest.mark.parametrize(("lines", "message"), [
    (without("H-"), "gen has no H- lines"),
    (without("H-0"), r"gen: sentence 0 has no hypothesis \(H- line\); 1 of 2 are there"),
    (without("T-0"), r"gen: sentence 0 has no reference \(T- line\); 1 of 2"),
    (without("D-1"), r"gen: sentence 1 has no text \(D- line\)"),
    ([*OUTPUT, "T-2\tmore"], "3 times a reference"),
    ([*OUTPUT, "T-1\tother"], r"gen:16: sentence 1 has another reference above"),
    ([*OUTPUT, "H-999999999\t-0.5\ta"], "gen: sentence 2 has no hypothesis"),
])
def test_output_that_is_not_whole_is_refused_by_name(lines, message):
    with pytest.raises(DataError, match=message):
        read_generated(lines, "gen")


SCORED = [line for line in OUTPUT if "0.75" not in line and line != "P-1\t-0.5 -0.5 -1.25"]


def test_the_bits_of_references_are_the_sum_of_their_p_lines():
    bits, pieces, sentences = reference_bits(SCORED, "gen")
    assert bits == pytest.approx(4 * 0.25 + 3 * 0.5)
    assert (pieces, sentences) == (7, 2)
    assert math.exp(bits * math.log(2) / pieces) == pytest.approx(2 ** (2.5 / 7))


@pytest.mark.parametrize(("lines", "message"), [
    ([line.replace("-0.5\tKat@@ zen", "-0.5\tzwei Katzen") for line in SCORED], "hypothesis 0 is not its reference"),
    ([line for line in SCORED if not line.startswith("T")], "has no T- lines"),
    ([line for line in SCORED if not line.startswith("P-0")], "has 1 P- lines for 2 sentences"),
    ([*SCORED, "P-0\t-1"], "two P- lines"),
    ([line.replace("P-0\t-0.5", "P-0\tx") for line in SCORED], r"gen:\d+: this P- line"),
    ([line.replace("P-0\t-0.5", "P-0\tnan") for line in SCORED], r"gen:\d+: this P- line"),
])
def test_scores_that_are_not_the_references_are_refused(lines, message):
    with pytest.raises(DataError, match=message):
        reference_bits(lines, "gen")


@given(st.lists(st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\n"), max_size=12),
    st.builds("{}-{}\t{}\t{}".format, st.sampled_from("HDTP"), st.integers(0, 3), st.floats(), st.sampled_from("ab")),
), max_size=12))
def test_any_lines_are_read_or_refused_with_one_line(lines):
    for read in (read_generated, reference_bits):
        mistake = ""
        try:
            read(lines, "gen")
        except DataError as error:
            mistake = str(error)
        assert not mistake or ("gen" in mistake and "\n" not in mistake)
