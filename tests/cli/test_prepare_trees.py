"""`aat prepare trees` and `aat prepare wsj`: from brackets to fairseq's numbers and back to the same trees."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from aat_plugin.cli.dispatch import main
from aat_plugin.parsing.cleaning import clean
from aat_plugin.parsing.preparation import read_record
from aat_plugin.parsing.repair import rebuild
from aat_plugin.parsing.tree_files import iterate_trees
from aat_plugin.parsing.trees import Tree, read_line, to_line, to_pretty

NOUNS, VERBS = ("dog", "cat", "bird", "Fish"), ("sees", "hears", "likes")


def tree(number: int) -> Tree:
    """A made-up sentence, with what cleaning takes out."""
    subject, other, verb = NOUNS[number % 4], NOUNS[number // 4 % 4], VERBS[number % 3]
    return read_line(f"( (S (NP-SBJ (DT the) (NN {subject})) (VP (VBZ {verb}) (NP (NP (DT a) (NN {other})) (SBAR "
                     f"(-NONE- 0) (S (NP-1 (-NONE- *)) (VP (VBZ {verb}{number})))))) (. .)))")


@pytest.fixture
def files(tmp_path):
    def write(name: str, numbers: range, *, pretty: bool = False) -> str:
        text = "".join(f"{to_pretty(tree(n), 30) if pretty else to_line(tree(n))}\n" for n in numbers)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return str(path)

    return {"train": write("train.mrg", range(40), pretty=True), "valid": write("dev.gz", range(40, 46)),
            "test": write("test.trees", range(46, 50)), "silver": write("silver.trees", range(50, 80))}


def run(files, out: Path, *more: str) -> int:
    given = [word for split in ("train", "valid", "test") for word in (f"--{split}", files[split])]
    return main(["prepare", "trees", *given, "-o", str(out), "--workers", "1", *more])


def decoded(data_bin: Path, split: str, side: str) -> list[list[str]]:
    """The sentences of a binarised file, read by the format's description."""
    lines = (data_bin / f"dict.{side}.txt").read_text().splitlines()
    names = ["<s>", "<pad>", "</s>", "<unk>", *(line.rsplit(" ", 1)[0] for line in lines)]
    numbers = np.fromfile(data_bin / f"{split}.words-symbols.{side}.bin", dtype=np.uint16).tolist()
    sentences: list[list[str]] = [[]]
    for number in numbers:
        if names[number] == "</s>":
            sentences.append([])
        else:
            sentences[-1].append(names[number])
    assert sentences.pop() == []
    return sentences


@pytest.mark.parametrize(
    ("scheme", "more"), [("vinyals", []), ("tags", ["--joined-dictionary"]), ("t2t", ["--bpe", "0"])]
)
def test_the_numbers_are_the_cleaned_trees(files, tmp_path, scheme, more, capsys):
    out = tmp_path / "out"
    assert run(files, out, "--linearisation", scheme, "--bpe", "30", *more) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Next: ")
    data_bin = out / "data-bin"
    record = read_record((data_bin / "treebank.json").read_text(), "treebank.json")
    assert record.linearisation.scheme == scheme
    assert record.max_openers == 3
    for split in ("train", "valid", "test"):
        gold = [clean(one) for one in iterate_trees(Path(files[split]))]
        symbols, words = decoded(data_bin, split, "symbols"), decoded(data_bin, split, "words")
        numbers = [int(line) for line in (data_bin / f"{split}.num_words").read_text().splitlines()]
        assert len(gold) == len(symbols) == len(words) == len(numbers)
        for one, said, pieces, count in zip(gold, symbols, words, numbers, strict=True):
            assert rebuild(record.linearisation, said, one.words(), one.tags()) == (one, {})
            assert count == len(one.words())
            if split == "train":
                assert " ".join(pieces).replace("@@ ", "").split() == one.words()
    assert [to_line(clean(one)) for one in iterate_trees(Path(files["test"]))] == (
        data_bin / "test.trees").read_text().splitlines()


def test_silver_trees_stay_apart_and_are_learned_from(files, tmp_path):
    out = tmp_path / "out"
    assert run(files, out, "--silver", files["silver"], "--bpe", "0") == 0
    data_bin = out / "data-bin"
    assert len(decoded(data_bin, "silver", "symbols")) == 30
    assert len(decoded(data_bin, "train", "symbols")) == 40
    assert any(f"{verb}51 " in (data_bin / "dict.words.txt").read_text() for verb in VERBS)
    assert run(files, out, "--bpe", "0") == 0  # without silver again
    assert not list(data_bin.glob("silver*"))


def test_a_second_call_does_nothing_and_another_option_does_what_it_changes(files, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(files, out, "--bpe", "0") == 0
    capsys.readouterr()
    assert run(files, out, "--bpe", "0") == 0
    assert all(line.endswith("up to date") for line in capsys.readouterr().out.splitlines()[:-1])
    assert run(files, out, "--bpe", "0", "--linearisation", "tags") == 0
    said = capsys.readouterr().out
    assert "clean train: up to date" in said
    assert "survey: up to date" not in said
    assert json.loads((out / "manifest.json").read_text())["kind"] == "trees"


def test_unknown_words_become_classes_in_the_source_alone(files, tmp_path):
    out = tmp_path / "out"
    assert run(files, out, "--bpe", "0", "--unknown-classes") == 0
    words = decoded(out / "data-bin", "test", "words")
    assert any("UNK-LC-NUM" in line for line in words)
    assert all("<unk>" not in line for line in words)
    assert "UNK" not in (out / "data-bin" / "test.trees").read_text()


@pytest.mark.parametrize(("change", "what"), [
    ("(S (NN a)\n", r"train.mrg:1:1: a bracket is never closed"), ("", "no tree for train"),
    ("( (S (-NONE- *)))\n", "no tree for train"), ("\xff", "not UTF-8"),
])
def test_broken_files_are_one_line(files, tmp_path, change, what, capsys):
    Path(files["train"]).write_bytes(change.encode("latin-1"))
    assert run(files, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(("more", "what"), [
    (["--linearisation", "penn"], "vinyals | tags | t2t"), (["--unknown-classes"], "--bpe 0"),
    (["--bpe", "-1"], "--bpe -1"), (["--workers", "0"], "--workers 0"), (["--silver", "none"], "none"),
])
def test_mistaken_options_are_one_line(files, tmp_path, more, what, capsys):
    assert run(files, tmp_path / "out", *more) == 2
    error = capsys.readouterr().err
    assert what in error
    assert error.count("\n") == 1


def test_the_wall_street_journal_is_found_split_and_counted(tmp_path, capsys):
    for section in range(25):
        home = tmp_path / "ptb" / "parsed" / "mrg" / "wsj" / f"{section:02d}"
        home.mkdir(parents=True)
        text = "\n".join(to_pretty(tree(number), 40) for number in range(section, section + 3))
        (home / f"wsj_{section:02d}01.mrg").write_text(text + "\n")
    words = ["prepare", "wsj", "--ptb", str(tmp_path / "ptb"), "-o", str(tmp_path / "out"), "--workers", "1"]
    assert main([*words, "--bpe", "20"]) == 2
    error = capsys.readouterr().err
    assert "train (sections 02 to 21) has 60 trees, not 39,832" in error
    assert "valid (sections 22 to 22) has 3 trees" in error
    assert error.count("\n") == 1
    assert main([*words, "--bpe", "20", "--any-counts"]) == 0
    assert "wsj_parsing" in capsys.readouterr().out.splitlines()[-1]
    assert len(decoded(tmp_path / "out" / "data-bin", "train", "symbols")) == 60
    assert len(decoded(tmp_path / "out" / "data-bin", "test", "symbols")) == 3
