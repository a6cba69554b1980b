"""`aat parse`: one line out for a line in, forms of output, floors, and each kind of broken input in one clear line."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_parsing import toy_trees

from aat_plugin.cli.dispatch import main
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import read_line, to_line

WORDS = [tree.words() for tree in toy_trees(9, seed=2)]
TEXT = "".join(" ".join(words) + "\n" for words in WORDS)


@pytest.fixture
def run(monkeypatch, capsys):
    """`run(text, word, …)` -> (status, standard output, standard error) of `aat parse …`."""
    def parse(text: bytes | str, *words: object):
        data = text.encode() if isinstance(text, str) else text
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        capsys.readouterr()
        status = main(["parse", *map(str, words)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return parse


@pytest.fixture
def parse(run, toy_parser):
    """The same with the trained toy parser, beam 2 unless told otherwise."""
    return lambda text, *words: run(text, "--checkpoint", toy_parser.trained, "--device", "cpu",
                                    *(() if "--beam" in words else ("--beam", 2)), *words)


def trees(out: str) -> list[list[str]]:
    """The words of each line's tree; none for a blank line."""
    return [read_line(line).words() if line else [] for line in out.splitlines()]


def test_a_line_out_for_a_line_in_blank_stays_blank_whatever_the_batches(parse):
    text = "\n" + TEXT.replace("\n", "\n \t\n", 1) + "\n\n"
    status, out, err = parse(text, "--tokenized")
    assert status == 0
    assert trees(out) == [[], WORDS[0], [], *WORDS[1:], [], []]
    assert parse(text, "--tokenized", "--window", 2, "--max-tokens", 30)[1] == out
    assert "9 sentences in" in err
    assert "sentences/s (beam 2, α 0.3, at most |x| + 300 symbols, free)" in err
    assert err.splitlines()[-1] == "Next: aat score parse --gold GOLD --pred OUTPUT"


def test_the_papers_beam_stands_in(parse, run, toy_parser):
    assert "(beam 21, α 0.3" in run("the dog sees .\n", "--checkpoint", toy_parser.trained)[2]


def test_other_precisions_are_parsers_too(parse):
    exact = parse("The dog sees old cats .\n")[1]
    for precision in ("bf16", "int8"):
        status, found, _ = parse("The dog sees old cats .\n", "--precision", precision)
        assert status == 0
        assert trees(found) == trees(exact)
    status, _, errors = parse("The dog .\n", "--precision", "int4")
    assert (status, "precision='int4' is not one of" in errors) == (2, True)


def test_raw_text_is_cut_as_the_treebank_cuts_it_and_given_words_are_left_alone(parse):
    _, raw, _ = parse("The dog's (old) cats don't bark.\n")
    assert trees(raw) == [["The", "dog", "'s", "-LRB-", "old", "-RRB-", "cats", "do", "n't", "bark", "."]]
    _, given_words, _ = parse("The dog's (old) a\u00a0b don't bark.\n", "--tokenized")
    assert trees(given_words) == [["The", "dog's", "-LRB-old-RRB-", "a\u00a0b", "don't", "bark."]]


def test_the_n_best_have_scores_and_are_what_the_scorer_reads(parse, run, tmp_path, capsys):
    _, best, _ = parse(TEXT, "--tokenized", "--beam", 4)
    _, out, _ = parse(TEXT, "--tokenized", "--beam", 4, "--nbest", 3)
    rows = [line.split(" ||| ") for line in out.splitlines()]
    assert [int(row[0]) for row in rows] == [number for number in range(9) for _ in range(3)]
    for number in range(9):
        scores = [float(row[2]) for row in rows if row[0] == str(number)]
        assert scores == sorted(scores, reverse=True)
    assert [rows[3 * number][1] for number in range(9)] == best.splitlines()
    (tmp_path / "gold").write_text("".join(f"{tree}\n" for tree in toy_trees(9, seed=2)))
    (tmp_path / "pred").write_text(out)
    assert main(["score", "parse", "--gold", str(tmp_path / "gold"), "--pred", str(tmp_path / "pred"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["oracle"]["f1"] >= report["all"]["f1"] > 0


def test_pretty_trees_json_and_pictures_hold_the_same_trees(parse, tmp_path):
    _, plain, _ = parse(TEXT + "\n", "--tokenized")
    lines = plain.splitlines()
    _, pretty, err = parse(TEXT + "\n", "--tokenized", "--pretty", "--svg", tmp_path / "trees.svg")
    (tmp_path / "pretty").write_text(pretty)
    assert [to_line(tree) for tree in iterate_trees(tmp_path / "pretty")] == lines[:9]
    assert pretty.count("\n") > 30
    assert f"drawn: 9 of 9 trees, in {tmp_path / 'trees.svg'}" in err
    assert len(list(ET.parse(tmp_path / "trees.svg").iter("{http://www.w3.org/2000/svg}text"))) > 100
    _, objects, _ = parse(TEXT + "\n", "--tokenized", "--json")
    rows = [json.loads(line) for line in objects.splitlines()]
    assert [row["line"] for row in rows] == list(range(1, 11))
    assert [row["parses"][0]["tree"] for row in rows[:9]] == lines[:9]
    assert rows[9]["parses"] == []
    assert {"score", "repairs", "at_limit"} < rows[0]["parses"][0].keys()


def test_ensembles_and_whole_words_are_parsers_too(run, toy_parser):
    words = ["--tokenized", "--device", "cpu", "--beam", 2, "--constrained"]
    two = ["--checkpoint", toy_parser.trained, "--checkpoint", toy_parser.untrained]
    for checkpoints in (two, ["--checkpoint", toy_parser.words]):
        status, out, err = run(TEXT, *checkpoints, *words)
        assert status == 0
        assert trees(out) == WORDS
        assert "repaired: 0 of 9" in err


def test_a_packed_system_parses_as_its_checkpoint_and_translates_nothing(run, toy_parser, tmp_path, capsys):
    packed = tmp_path / "parser.tar.gz"
    assert main(["package", str(toy_parser.trained), "--data", str(toy_parser.data), "-o", str(packed)]) == 0
    assert f"aat parse {packed}" in capsys.readouterr().out
    words = ["--device", "cpu", "--beam", 2, "--tokenized"]
    _, expected, _ = run(TEXT, "--checkpoint", toy_parser.trained, *words)
    assert run(TEXT, packed, *words)[:2] == (0, expected)
    assert main(["translate", str(packed)]) == 2
    assert "use aat parse" in capsys.readouterr().err
    status, _, err = run(TEXT, packed, "--data", toy_parser.data)
    assert status == 2
    assert "--data goes with --checkpoint" in err


def test_what_is_cut_off_is_repaired_and_counted(parse, tmp_path):
    status, out, err = parse(TEXT, "--tokenized", "--max-extra", 0, "--report", tmp_path / "report.json")
    assert status == 0
    assert trees(out) == WORDS
    counts = json.loads((tmp_path / "report.json").read_text())
    assert 0 < counts["malformed"] == round(counts["malformed_rate"] * 9)
    assert counts["repairs"]["cut-off"] <= counts["at_limit"]
    assert f"repaired: {counts['malformed']} of 9: " in err
    assert "cut-off" in err


def test_one_word_three_hundred_and_too_many(parse):
    text = "the\n" + "the dog " * 150 + "\n" + "the " * 400 + "\n"
    status, out, err = parse(text, "--tokenized", "--beam", 1, "--max-extra", 30)
    assert status == 0
    assert list(map(len, trees(out))) == [1, 300, 400]
    assert "too long for the model, one flat S each: " in err
    assert "line 2, 3)" in err or "(line 3)" in err


@pytest.mark.parametrize(("floor", "tree"), [
    ("flat", "(TOP (S (XX a) (XX b)))"), ("right-branching", "(TOP (S (XX a) (VP (XX b))))"),
])  # fmt: skip
def test_floors_need_no_model(run, floor, tree, tmp_path):
    (tmp_path / "in").write_text("a b\n\na b")
    status, out, err = run(b"", "--floor", floor, "--input", tmp_path / "in", "--output", tmp_path / "out")
    assert (status, out) == (0, "")
    assert (tmp_path / "out").read_text() == f"{tree}\n\n{tree}\n"
    assert err.splitlines()[-1].endswith(f"--pred {tmp_path / 'out'}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.parametrize(("text", "words", "what"), [
    (b"the dog\nla\xff\n", ["--floor", "flat"], "standard input:2: not UTF-8"),
    (b"", ["--floor", "flat", "--input", "none.txt"], "none.txt"),
    (b"a\n", ["--floor", "left"], "flat | right-branching"),
    (b"a\n", [], "give one of a system"),
    (b"a\n", ["--floor", "flat", "--checkpoint", "x.pt"], "give one of a system"),
    (b"a\n", ["--floor", "flat", "--data", "x"], "--data goes with --checkpoint"),
    (b"a\n", ["--floor", "flat", "--window", "0"], "--window 0"),
    (b"a\n", ["--floor", "flat", "--pretty", "--json"], "--pretty"),
    (b"a\n", ["--floor", "flat", "--pretty", "--nbest", "2"], "--pretty"),
    (b"a\n", ["--floor", "flat", "--output", "none/out"], "none/out"),
    (b"a\n", ["--checkpoint", "none.pt"], "none.pt does not exist"),
    (b"a\n", ["none.tar.gz"], "none.tar.gz"),
])  # fmt: skip
def test_mistakes_are_one_line(run, text, words, what):
    status, out, err = run(text, *words)
    assert status == 2
    assert what in err
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


@pytest.mark.parametrize(("words", "what"), [
    (["--beam", "0"], "--beam 0"), (["--nbest", "3"], "--nbest 3 is more than --beam 2"),
    (["--max-extra", "-1"], "--max-extra -1"), (["--data", "none"], "none"), (["--max-tokens", "0"], "--max-tokens 0"),
])  # fmt: skip
def test_mistakes_with_a_model_are_one_line_too(parse, words, what):
    status, out, err = parse("a\n", *words)
    assert (status, out) == (2, "")
    assert what in err
    assert err.count("\n") == 1


def test_damaged_and_foreign_checkpoints_are_one_line(run, toy_parser, tmp_path):
    (tmp_path / "cut.pt").write_bytes(toy_parser.trained.read_bytes()[:5000])
    (tmp_path / "text.pt").write_text("hello")
    for name, what in (("cut.pt", "truncated"), ("text.pt", "no checkpoint")):
        status, out, err = run("a\n", "--checkpoint", tmp_path / name)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert what in err


def test_an_encoding_error_halfway_leaves_the_old_output_alone(parse, tmp_path):
    (tmp_path / "out").write_text("before")
    status, _, err = parse(TEXT.encode() + b"\xe9t\xe9\n", "--tokenized", "--output", tmp_path / "out", "--window", 2)
    assert status == 2
    assert "standard input:10: not UTF-8" in err
    assert (tmp_path / "out").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.text(max_size=12) | st.text("() \t\u00a0\u2028-LRB", max_size=12), max_size=5),
       tokenized=st.booleans())
def test_any_text_has_a_readable_tree_a_line(lines, tokenized, tmp_path_factory):
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines]
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "in").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    words = ["parse", "--floor", "right-branching", "--input", folder / "in", "--output", folder / "out"]
    assert main([*map(str, words), *(["--tokenized"] if tokenized else [])]) == 0
    out = (folder / "out").read_bytes().decode().split("\n")
    assert out.pop() == ""
    assert len(out) == len(lines)
    for line, tree in zip(lines, out, strict=True):
        blank = not (line.strip(" \t\f\v") if tokenized else line.strip())
        assert (tree == "") == blank
        if not blank:
            read_line(tree)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_parsed_or_one_line(data, tmp_path_factory):
    import contextlib

    folder = tmp_path_factory.mktemp("bytes")
    (folder / "in").write_bytes(data)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        status = main(["parse", "--floor", "flat", "--input", str(folder / "in"), "--output", str(folder / "out")])
    try:
        data.decode()
    except UnicodeDecodeError:
        assert status == 2
        assert errors.getvalue().count("\n") == 1
        assert "in:" in errors.getvalue()
    else:
        assert status == 0
