"""`aat score`: plain files and fairseq-generate's output in, a score with its signature out; bad input in one line."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aat_plugin.cli import main, score
from aat_plugin.translation import bleu

TEXT = [
    "Der Nord-Süd-Express fährt um 7.30 Uhr ab.", "Sie sagte: „Nein“, und ging.", "Er hat's nicht & lachte.",
    "Am 1. Mai bleibt die Ein-Mann-Show zu.", "Wir gehen heute nicht in die Stadt.",
]
GUESS = [
    "Der Nord-Süd Express fährt um 7.30 Uhr.", "Sie sagte: „Nein“ und ging.", "Er hat's nicht und lachte.",
    "Am 1. Mai bleibt die Ein-Mann-Show geschlossen.", "Wir gehen heute in die Stadt.",
]


@pytest.fixture
def files(tmp_path):
    """`files(name=lines)` writes files and returns their paths."""

    def write(**contents):
        paths = []
        for name, lines in contents.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            paths.append(str(path))
        return paths

    return write


def scored(capsys, *words):
    """The JSON that `aat score bleu` prints."""
    assert main(["score", "bleu", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def generated(hypotheses, references=None, order=None, texts=None):
    """Lines as fairseq-generate prints them."""
    lines = ["2026-01-01 00:00:00 | INFO | fairseq | a line of logging"]
    for index in order or range(len(hypotheses)):
        if references is not None:
            lines.append(f"T-{index}\t{references[index]}")
        lines.append(f"H-{index}\t-0.25\t{hypotheses[index]}")
        lines.append(f"H-{index}\t-0.75\tanother guess")
        if texts is not None:
            lines.append(f"D-{index}\t-0.25\t{texts[index]}")
        lines.append(f"P-{index}\t-0.25")
    return lines


@pytest.mark.parametrize("protocol", bleu.PROTOCOLS)
def test_plain_text_is_tokenised_by_the_protocol(files, capsys, protocol):
    hyp, ref = files(hyp_de=GUESS, ref_de=TEXT)
    report = scored(capsys, "--protocol", protocol, "--hyp", hyp, "--ref", ref)
    expected = bleu.score(GUESS, TEXT, bleu.Setting(protocol))
    assert report["score"] == expected.score
    assert report["signature"] == expected.signature
    assert report["precisions"] == list(expected.precisions)
    assert report["chrf"]["score"] == expected.chrf
    assert (report["sentences"], report["protocol"]) == (5, protocol)
    assert ("score_uncased" in report) == (protocol == "t2t")


def test_tokens_are_left_as_they_are(files, capsys):
    hyp, ref = files(hyp_de=GUESS, ref_de=TEXT)
    report = scored(capsys, "--protocol", "multi-bleu", "--hyp", hyp, "--ref", ref, "--tokenized")
    assert report["hypothesis_length"] == sum(len(line.split()) for line in GUESS)
    assert report["score"] == bleu.score(GUESS, TEXT, bleu.Setting("multi-bleu", tokenized=True)).score


def test_the_language_is_the_references_suffix_unless_it_is_given(files, capsys):
    hyp, ref, other = files(hyp_txt=GUESS, test_fr=TEXT, test_txt=TEXT)
    assert scored(capsys, "--hyp", hyp, "--ref", ref)["language"] == "fr"
    assert scored(capsys, "--hyp", hyp, "--ref", other)["language"] == "de"
    assert scored(capsys, "--hyp", hyp, "--ref", ref, "--lang", "en")["language"] == "en"


def test_generated_output_is_scored_in_the_inputs_order_against_its_own_references(files, capsys):
    order = [3, 0, 4, 2, 1]
    (gen,) = files(gen_txt=generated([line.replace("geh", "ge@@ h") for line in GUESS], TEXT, order))
    report = scored(capsys, "--protocol", "multi-bleu", "--hyp", gen)
    assert report["score"] == bleu.score(GUESS, TEXT, bleu.Setting("multi-bleu", tokenized=True)).score
    assert report["hypotheses"]["kind"] == "fairseq-generate's H- lines, @@ joined in 1"


def test_generated_tokens_beside_a_text_reference_are_detokenised_first(files, capsys):
    from aat_plugin.translation.bleu_tokens import detokenized, moses

    gen, ref = files(gen_txt=generated(moses(GUESS, "de")), ref_de=TEXT)
    for protocol in ("paper", "sacrebleu"):
        report = scored(capsys, "--protocol", protocol, "--hyp", gen, "--ref", ref)
        text = detokenized(moses(GUESS, "de"), "de")
        assert report["score"] == bleu.score(text, TEXT, bleu.Setting(protocol)).score
        assert "detokenised" in report["hypotheses"]["kind"]


def test_generated_text_is_taken_where_fairseq_detokenised(files, capsys):
    from aat_plugin.translation.bleu_tokens import moses

    gen, ref = files(gen_txt=generated(moses(GUESS, "de"), texts=GUESS), ref_de=TEXT)
    report = scored(capsys, "--protocol", "sacrebleu", "--hyp", gen, "--ref", ref)
    assert report["score"] == bleu.score(GUESS, TEXT, bleu.Setting("sacrebleu")).score


def test_two_systems_are_compared(files, capsys):
    hyp, ref, other = files(hyp_de=TEXT * 8, ref_de=TEXT * 8, other_de=GUESS * 8)
    report = scored(capsys, "--hyp", hyp, "--ref", ref, "--baseline", other, "--samples", "200")
    assert report["comparison"]["verdict"] == "better"
    assert report["comparison"]["p_value"] < 0.05
    assert report["comparison"]["baseline"] == pytest.approx(bleu.score(GUESS, TEXT, bleu.Setting()).score)
    assert main(["score", "bleu", "--hyp", other, "--ref", ref, "--baseline", hyp, "--samples", "200"]) == 0
    assert "The system against the baseline: worse (5 % level). Next:" in capsys.readouterr().out.splitlines()[-1]


def test_the_report_for_people_names_tokeniser_signature_and_next_step(files, capsys):
    hyp, ref = files(hyp_de=[*GUESS[:-1], ""], ref_de=TEXT)
    assert main(["score", "bleu", "--hyp", hyp, "--ref", ref]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("BLEU = ")
    assert "Moses' tokenizer.perl of December 2017 (sacremoses" in printed
    assert "signature protocol:paper|" in printed
    assert "1 of them empty (the first is number 5)" in printed
    assert printed.splitlines()[-1].startswith("Next: ")


def refusal(capsys, *words):
    """The one line that `aat` answers with."""
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert captured.err.startswith("aat: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_files_of_different_length_are_refused_with_both_counts_and_the_line(files, capsys):
    hyp, ref = files(hyp_de=[*GUESS[:2], "ganz etwas anderes", *GUESS[2:]], ref_de=TEXT)
    message = refusal(capsys, "score", "bleu", "--hyp", hyp, "--ref", ref)
    assert f"{hyp} has 6 and {ref} has 5 sentences; from sentence 3 of {hyp} on they look shifted" in message


def test_bad_files_are_named_with_their_line(files, capsys, tmp_path):
    hyp, ref, hole = files(hyp_de=GUESS, ref_de=TEXT, hole_de=[*TEXT[:3], " ", TEXT[4]])
    latin = tmp_path / "latin.de"
    latin.write_bytes("".join(f"{line}\n" for line in TEXT).replace("„", "").replace("“", "").encode("latin1"))
    wide = tmp_path / "wide.de"
    wide.write_text("\n".join(TEXT), encoding="utf-16")
    blank = tmp_path / "blank.de"
    blank.write_text("\n \n")
    for words, message in (
        (["--hyp", latin, "--ref", ref], f"{latin}:1: not UTF-8 (byte 0xfc at column 11)"),
        (["--hyp", hyp, "--ref", wide], f"{wide}:1: not UTF-8 (the file looks like UTF-16)"),
        (["--hyp", hyp, "--ref", hole], f"{hole}: sentence 4 of the references has no word"),
        (["--hyp", hyp, "--ref", blank], f"{blank} is empty"),
        (["--hyp", hyp, "--ref", tmp_path / "no.de"], f"cannot read {tmp_path / 'no.de'}: No such file"),
        (["--hyp", tmp_path, "--ref", ref], f"cannot read {tmp_path}: Is a directory"),
        (["--hyp", hyp], "give the references with --ref"),
        (["--hyp", hyp, "--ref", ref, "--protocol", "papers"], "did you mean 'paper'?"),
        (["--hyp", hyp, "--ref", ref, "--lang", "../x"], "--lang '../x' is no language's code"),
        (["--hyp", hyp, "--ref", ref, "--baseline", ref, "--samples", "0"], "--samples 0"),
        (["--ref", ref], "Missing option '--hyp'"),
    ):
        assert message in refusal(capsys, "score", "bleu", *words)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([b"H-0\t-1\ta", b"T-0\tb", b"H-1\t", b"a\r"]), max_size=6),
    st.sampled_from(bleu.PROTOCOLS),
    st.booleans(),
)
def test_any_bytes_are_scored_or_refused_with_one_line(tmp_path, capsys, lines, protocol, tokenized):
    hyp, ref = tmp_path / "hyp", tmp_path / "ref.de"
    hyp.write_bytes(b"\n".join(lines))
    ref.write_bytes(b"\n".join(reversed(lines)))
    words = ["score", "bleu", "--hyp", str(hyp), "--ref", str(ref), "--protocol", protocol, "--json"]
    status = main([*words, "--tokenized"] if tokenized else words)
    captured = capsys.readouterr()
    if status == 0:
        assert 0 <= json.loads(captured.out)["score"] <= 100 + 1e-9
    else:
        assert status == 2
        assert captured.err.count("\n") == 1


def test_perplexity_is_read_off_the_scores_that_generate_printed(files, capsys):
    lines = ["T-0\ta b", "H-0\t-1\ta b", "P-0\t-0.5 -1.5 -1.0", "T-1\tc", "H-1\t-1\tc", "P-1\t-2.0 -1.0"]
    (gen,) = files(gen_txt=lines)
    assert main(["score", "ppl", "--generated", gen, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["score"] == pytest.approx(2 ** (6 / 5))
    assert (report["pieces"], report["sentences"]) == (5, 2)
    assert report["nll"] == pytest.approx(math.log(2) * 6 / 5)
    assert main(["score", "ppl", "--generated", gen]) == 0
    assert capsys.readouterr().out.startswith("PPL = 2.2974 (nll 0.8318 nats = 1.2000 bits a BPE piece")


@pytest.mark.parametrize(("words", "message"), [
    ([], "give a checkpoint and --data DATA-BIN, or --generated FILE"),
    (["c.pt"], "give a checkpoint and --data DATA-BIN"),
    (["c.pt", "--generated", "x"], "leave the checkpoint and --data out"),
    (["--generated", "no.txt"], "cannot read no.txt"),
    (["c.pt", "--data", "no-folder"], "data folder no-folder does not exist"),
    (["c.pt", "--data", ".", "--max-tokens", "0"], "--max-tokens 0"),
])
def test_what_perplexity_cannot_do_is_one_line(capsys, words, message):
    assert message in refusal(capsys, "score", "ppl", *words)


def test_an_unknown_sub_command_is_one_line(capsys):
    assert "No such command 'blue'" in refusal(capsys, "score", "blue")


def test_help_names_every_sub_command_and_scoring_loads_no_torch(files):
    hyp, ref = files(hyp_de=GUESS, ref_de=TEXT)
    code = (
        "import sys; from aat_plugin.cli import main\n"
        f"status = main(['score', '--help']) or main(['score', 'bleu', '--hyp', {hyp!r}, '--ref', {ref!r}])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in score.SUBCOMMANDS)


@pytest.mark.parametrize(("line", "most"), [(["--help"], 150), (["score", "--help"], 450)])
def test_help_loads_little(line, most):
    """Counted, not timed: `aat --help` takes 0.09 s with 90 modules, `aat score --help` 0.4 s with 323 (EPYC, AVX2)."""
    code = (
        "import sys; from aat_plugin.cli import main\n"
        f"status = main({line!r})\n"
        "print(len(sys.modules), *sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, *names = done.stderr.split()
    assert int(count) < most
    assert not {"torch", "numpy", "fairseq", "hydra", "omegaconf", "sacrebleu"} & set(names)
    assert "typer" in names or line == ["--help"]
