"""BLEU by each protocol: against the formula, against what the perl programs printed, and against perl itself."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.translation import bleu, bleu_tokens
from aat_plugin.translation.bleu import Setting

REFERENCES = [
    "Der Nord-Süd-Express fährt um 7.30 Uhr ab.",
    "Sie sagte: „Das ist ein A-B-C-Problem“, und ging.",
    "Das Wi-Fi-Netz der U-Bahn kostet 3,50 € im Monat.",
    "Ö-ä-ü sind keine Silben - oder doch?",
    "Er hat's nicht gewußt & lachte.",
    "Am 1. Mai bleibt die Ein-Mann-Show zu.",
    "Wir gehen.",
    "Die E-Mail vom 12.03.2014 liegt im Ordner.",
]
HYPOTHESES = [
    "Der Nord-Süd Express fährt um 7.30 Uhr.",
    "Sie sagte: „Das ist ein A-B-C-Problem“ und ging weg.",
    "Das Wi-Fi-Netz der U-Bahn kostet 3,50 Euro pro Monat.",
    "Ö-ä-ü sind keine Silben, oder doch?",
    "Er hat's nicht gewußt und lachte laut.",
    "Am 1. Mai bleibt die Ein-Mann-Show geschlossen.",
    "",
    "die E-Mail vom 12.03.2014 liegt im Ordner.",
]

# What these programs printed for the files `hyp` and `ref` of the lines above:
#   tokenizer.perl -q -l de < hyp > hyp.tok          (mosesdecoder as of December 2017)
#   perl -ple 's{(\S)-(\S)}{$1 ##AT##-##AT## $2}g' < hyp.tok > hyp.atat
#   multi-bleu.perl [-lc] ref.tok < hyp.tok          (mosesdecoder 34452895)
#   sacrebleu ref < hyp -m bleu -b -w 4 [-tok intl]  (sacreBLEU 2.6.0)
PRINTED = {
    ("multi-bleu", False): "BLEU = 60.79, 84.6/67.2/56.9/47.7 (BP=0.970, ratio=0.970, hyp_len=65, ref_len=67)",
    ("multi-bleu", True): "BLEU = 62.70, 86.2/69.0/58.8/50.0 (BP=0.970, ratio=0.970, hyp_len=65, ref_len=67)",
    ("paper", False): "BLEU = 72.49, 90.8/78.8/71.2/65.2 (BP=0.955, ratio=0.956, hyp_len=87, ref_len=91)",
    ("paper", True): "BLEU = 73.78, 92.0/80.0/72.6/66.7 (BP=0.955, ratio=0.956, hyp_len=87, ref_len=91)",
}
SACREBLEU = {"sacrebleu": 58.2014, "t2t": 73.5482}

WORDS = st.sampled_from(["a", "b", "Haus", "Ä", "ä", "a-b-c", "a-é-c", "-", "x-", "q\u00a0r", "\u2028", "A\u3000b"])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=5)


def formula(hypotheses, references, smooth=False):
    """Papineni et al. 2002 over token lists; `smooth` halves the count of each order without a match once more."""
    matches, totals = [0] * 4, [0] * 4
    for one, other in zip(hypotheses, references, strict=True):
        for n in range(1, 5):
            grams = Counter(tuple(one[i : i + n]) for i in range(len(one) - n + 1))
            known = Counter(tuple(other[i : i + n]) for i in range(len(other) - n + 1))
            matches[n - 1] += sum(min(count, known[gram]) for gram, count in grams.items())
            totals[n - 1] += sum(grams.values())
    length, reference_length = sum(map(len, hypotheses)), sum(map(len, references))
    if length == 0 or 0 in totals or not any(matches):
        return 0.0
    precisions, halved = [], 1
    for match, total in zip(matches, totals, strict=True):
        if match == 0:
            if not smooth:
                return 0.0
            halved *= 2
        precisions.append((match or 1 / halved) / total)
    penalty = min(1.0, math.exp(1 - reference_length / length))
    return 100 * penalty * math.exp(sum(map(math.log, precisions)) / 4)


@pytest.mark.parametrize(("protocol", "lowercase"), PRINTED)
def test_the_whole_line_is_what_the_perl_programs_print(protocol, lowercase):
    score = bleu.score(HYPOTHESES, REFERENCES, Setting(protocol, lowercase=lowercase))
    assert str(score) == PRINTED[protocol, lowercase]


@pytest.mark.parametrize("protocol", SACREBLEU)
def test_sacrebleu_and_t2t_agree_with_sacrebleus_own_command(protocol):
    assert bleu.score(HYPOTHESES, REFERENCES, Setting(protocol)).score == pytest.approx(SACREBLEU[protocol], abs=5e-5)


@given(LINES, st.data())
def test_tokens_are_scored_by_the_formula(references, data):
    hypotheses = [data.draw(st.lists(WORDS, max_size=9).map(" ".join)) for _ in references]
    tokens, known = ([line.split(" ") if line else [] for line in lines] for lines in (hypotheses, references))
    plain = bleu.score(hypotheses, references, Setting("multi-bleu", tokenized=True))
    assert plain.score == pytest.approx(formula(tokens, known), abs=1e-9)
    smooth = bleu.score(hypotheses, references, Setting("t2t", tokenized=True))
    assert smooth.score == pytest.approx(formula(tokens, known, smooth=True), abs=1e-9)
    assert plain.hypothesis_length == sum(map(len, tokens))
    assert plain.reference_length == sum(map(len, known))


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_a_perfect_translation_has_100_and_an_empty_one_0(protocol):
    assert bleu.score(REFERENCES, REFERENCES, Setting(protocol)).score == pytest.approx(100)
    nothing = bleu.score([""] * len(REFERENCES), REFERENCES, Setting(protocol))
    assert (nothing.score, nothing.brevity_penalty, nothing.chrf) == (0, 0, 0)


@pytest.mark.parametrize(("line", "expected"), [
    ("rich-text format", "rich ##AT##-##AT## text format"),
    ("a-b-c", "a ##AT##-##AT## b-c"),
    ("x-yy-z", "x ##AT##-##AT## yy ##AT##-##AT## z"),
    ("a--b", "a ##AT##-##AT## -b"),
    ("- a -b c-", "- a -b c-"),
    ("a-é-c", "a ##AT##-##AT## é ##AT##-##AT## c"),
])
def test_compounds_are_split_without_overlap(line, expected):
    assert bleu_tokens.split_compounds(line) == expected


@pytest.mark.skipif(shutil.which("perl") is None, reason="the original one-liner needs perl")
def test_the_compound_split_is_the_originals_on_any_text():
    pieces = ["a", "-", "--", "é", " ", "\u00a0", "\t", "ß-", "-日", "x-y"]
    lines = ["".join(pieces[(n // 10**k) % 10] for k in range(4)) for n in range(0, 10_000, 7)]
    program = r"s{(\S)-(\S)}{$1 ##AT##-##AT## $2}g"
    done = subprocess.run(["perl", "-ple", program], input="\n".join(lines).encode(), capture_output=True, check=True)
    assert [bleu_tokens.split_compounds(line) for line in lines] == done.stdout.decode().removesuffix("\n").split("\n")


def test_every_blank_that_python_splits_at_and_perl_does_not_is_hidden():
    blanks = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace() and chr(code) not in " \t\n\r\v\f"]
    assert len(bleu_tokens.shielded("x" + "x".join(blanks) + "x").split()) == 1
    assert bleu_tokens.shielded("a b\tc").split() == ["a", "b", "c"]


@pytest.mark.parametrize(("line", "tokens"), [
    ("Er kam am 1.2.2013.", "Er kam am 1.2.2013."),  # the original's slip: a stop after a digit stays
    ("Das kostet 5,- € (3%).", "Das kostet 5 , - € ( 3 % ) ."),
    ("„Rich-Text“", "„ Rich - Text “"),
    ("a\\b=c", "a\\b = c"),
])
def test_t2ts_tokens(line, tokens):
    assert bleu_tokens.t2t(line) == tokens


def test_the_signature_tells_every_choice_apart():
    settings = [
        Setting(protocol, language, tokenized, lowercase)
        for protocol in bleu.PROTOCOLS
        for language in (("de", "fr") if protocol in ("paper", "multi-bleu") else ("de",))
        for tokenized in (False, True)
        for lowercase in (False, True)
    ]
    signatures = Counter(bleu.score(["a b c d"], ["a b c d"], setting).signature for setting in settings)
    # Of tokens that are given, the language does not matter.
    assert sorted(signatures.values()) == [1] * 16 + [2] * 4
    assert bleu.score(["a"], ["a"], Setting("sacrebleu")).signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|")


def test_lower_casing_is_perls_for_multi_bleu_and_everybodys_else():
    assert bleu.score(["Ä B C D"], ["ä b c d"], Setting("multi-bleu", tokenized=True, lowercase=True)).matches[0] == 3
    for protocol in ("sacrebleu", "t2t"):
        assert bleu.score(["Ä B C D"], ["ä b c d"], Setting(protocol, lowercase=True)).score == pytest.approx(100)


def test_mistakes_are_named():
    with pytest.raises(DataError, match="2 hypotheses and 1 references"):
        bleu.score(["a", "b"], ["a"], Setting())
    with pytest.raises(DataError, match="no sentences"):
        bleu.score([], [], Setting())
    with pytest.raises(DataError, match="no word"):
        bleu.score(["a"], [" "], Setting())
    with pytest.raises(ConfigError, match=r"--protocol='papier' is not one of .*did you mean 'paper'"):
        Setting("papier")
    with pytest.raises(ConfigError, match="--lang 'German'"):
        bleu.score(["a"], ["a"], Setting(language="German"))


def test_scoring_imports_no_torch():
    code = "import sys, aat_plugin.translation.significance as s; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
