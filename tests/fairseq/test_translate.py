"""From raw text to a packed system and back to text: `aat prepare pair`, training, `aat package`, `aat translate`."""

from __future__ import annotations

import io
import random
import sys
from types import SimpleNamespace

import pytest
from raw_text import write_raw

from aat_plugin.cli import main
from aat_plugin.corpora.tokenise import Detokeniser
from aat_plugin.translation.generated import read_generated

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

TRAINING = ["--task", "aat_translation", "--arch", "aat_transformer_tiny", "--num-layers", 1, "--d-model", 32,
            "--d-ff", 64, "--num-heads", 2, "--dropout", 0.0, "--criterion", "aat_label_smoothing", "--optimizer",
            "adam", "--lr-scheduler", "aat_noam", "--warmup-updates", 20, "--lr-factor", 0.3, "--max-tokens", 1000,
            "--max-update", 80, "--no-epoch-checkpoints", "--cpu", "--max-source-positions", 60,
            "--max-target-positions", 60]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, fairseq_command, user_dir):
    """A folder with raw text, data and a model, and its packed system."""
    root = tmp_path_factory.mktemp("system")
    generator = random.Random(3)
    for split, lines in (("train", 300), ("valid", 20), ("test", 30)):
        write_raw(root, split, lines, generator)
    files = [str(word) for split in ("train", "valid", "test")
             for word in (f"--{split}", root / f"{split}.en", root / f"{split}.de")]  # fmt: skip
    options = ["--bpe", "60", "--lowercase", "--workers", "1", "-o", str(root / "data")]
    assert main(["prepare", "pair", *files, *options]) == 0
    fairseq_command("fairseq-train", root / "data" / "data-bin", "--user-dir", user_dir, *TRAINING, "--save-dir", root)
    packed = root / "system.tar.gz"
    assert main(["package", str(root / "checkpoint_last.pt"), "--data", str(root / "data"), "-o", str(packed)]) == 0
    return SimpleNamespace(root=root, packed=packed, model=root / "checkpoint_last.pt", data=root / "data")


@pytest.fixture
def translate(trained, monkeypatch, capsys):
    """`translate(text, word, …)` -> (status, lines out, standard error) of `aat translate SYSTEM …`."""

    def run(text: bytes, *words: object, system: object = None):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        capsys.readouterr()
        status = main(["translate", str(system or trained.packed), *map(str, words)])
        printed = capsys.readouterr()
        return status, printed.out.splitlines(), printed.err

    return run


def test_it_says_what_fairseq_generate_says_detokenised_in_the_inputs_order(
    trained, translate, fairseq_command, user_dir
):
    generated = fairseq_command(
        "fairseq-generate", trained.data / "data-bin", "--user-dir", user_dir, "--task", "aat_translation", "--path",
        trained.model, "--cpu", "--beam", 4, "--lenpen", 0.6, "--max-len-a", 1, "--max-len-b", 50, "--remove-bpe",
        "--batch-size", 7,
    )  # fmt: skip
    expected = [Detokeniser("de")(line) for line in read_generated(generated.stdout.splitlines(), "x").hypotheses]
    raw = (trained.root / "test.en").read_bytes()
    status, lines, _ = translate(raw, "--buffer-size", 11, "--max-tokens", 60)
    assert status == 0
    assert lines == expected
    assert len(set(lines)) > 5  # it has learned something to tell apart


@pytest.mark.parametrize(("arch", "sizes"), [
    ("transformer", ["--encoder-embed-dim=16", "--encoder-ffn-embed-dim=16", "--decoder-embed-dim=16",
                     "--decoder-ffn-embed-dim=16"]),
    ("aat_lstm", [f"--{name}=16" for name in ("encoder-embed-dim", "decoder-embed-dim", "decoder-out-embed-dim",
                                              "encoder-hidden-size", "decoder-hidden-size")]),
    ("aat_conv", ["--encoder-embed-dim=16", "--decoder-embed-dim=16", "--encoder-layers=[(16, 3)]",
                  "--decoder-layers=[(16, 3)]"]),
    ("aat_gru", ["--embed-dim=16", "--hidden-size=16"]),
])  # fmt: skip
def test_another_systems_checkpoint_is_packed_and_says_the_same(
    arch, sizes, trained, translate, fairseq_command, user_dir, tmp_path, capsys
):
    data = trained.data / "data-bin"
    fairseq_command(
        "fairseq-train", data, "--user-dir", user_dir, "--task", "aat_translation", "--arch", arch, *sizes,
        "--criterion", "label_smoothed_cross_entropy", "--optimizer", "adam", "--lr", 0.01, "--max-tokens", 1000,
        "--max-update", 40, "--no-epoch-checkpoints", "--cpu", "--num-workers", 0, "--save-dir", tmp_path,
    )  # fmt: skip
    model, packed = tmp_path / "checkpoint_last.pt", tmp_path / "system.tar.gz"
    generated = fairseq_command(
        "fairseq-generate", data, "--user-dir", user_dir, "--task", "aat_translation", "--path", model, "--cpu",
        "--beam", 4, "--lenpen", 0.6, "--max-len-a", 1, "--max-len-b", 50, "--remove-bpe",
    )  # fmt: skip
    expected = [Detokeniser("de")(line) for line in read_generated(generated.stdout.splitlines(), "x").hypotheses]
    assert main(["package", str(model), "--data", str(trained.data), "-o", str(packed)]) == 0
    status, lines, _ = translate((trained.root / "test.en").read_bytes(), system=packed)
    assert (status, lines) == (0, expected)
    for words in (["export", "safetensors", model, "-o", tmp_path / "out"],
                  ["translate", packed, "--engine", "ctranslate2", "--input", trained.root / "test.en"]):  # fmt: skip
        assert main(list(map(str, words))) == 2
        said = capsys.readouterr().err.strip()
        assert "not the plugin's Transformer" in said
        assert len(said.splitlines()) == 1


def test_a_checkpoint_with_its_data_says_the_same_and_files_are_written_whole(trained, translate, tmp_path):
    source, target = trained.root / "test.en", tmp_path / "out.de"
    _, lines, _ = translate(source.read_bytes())
    words = ["--data", trained.data, "--input", source, "--output", target]
    status, shown, _ = translate(b"", *words, system=trained.model)
    assert status == 0
    assert shown == []
    assert target.read_text(encoding="utf-8").splitlines() == lines
    assert [path.name for path in tmp_path.iterdir()] == ["out.de"]


def test_blank_stays_blank_unknown_words_do_not_stop_it_and_what_is_too_long_is_named(translate):
    long = b"ba " * 100
    status, lines, errors = translate(b"\n  \nbadu lemi .\n" + long + b"\n\xe2\x98\x83 Zyx!\r\n")
    assert status == 0
    assert len(lines) == 5
    assert [bool(line) for line in lines] == [False, False, True, False, True]
    assert "1 of 5 lines are over" in errors
    assert errors.rstrip().endswith(": 4")


def test_nbest_gives_numbers_scores_and_texts_best_first(translate):
    status, lines, _ = translate(b"badu lemi .\nlemi badu .\n", "--nbest", 3)
    assert status == 0
    rows = [line.split("\t") for line in lines]
    assert [row[0] for row in rows] == ["1"] * 3 + ["2"] * 3
    for part in (rows[:3], rows[3:]):
        scores = [float(row[1]) for row in part]
        assert scores == sorted(scores, reverse=True)
        assert len({row[2] for row in part}) == 3


@pytest.mark.parametrize("engine", ["fairseq", "ctranslate2"])
def test_other_precisions_say_nearly_the_same(trained, translate, engine):
    if engine == "ctranslate2":
        pytest.importorskip("ctranslate2")
    raw = (trained.root / "test.en").read_bytes()
    said = {}
    for precision in ("float32", "bf16", "int8"):
        status, said[precision], errors = translate(raw, "--engine", engine, "--precision", precision, "--nbest", 2)
        if status == 2 and "bfloat16" in errors:  # this processor has none
            continue
        assert status == 0, errors
    best = {name: [line.split("\t") for line in lines[::2]] for name, lines in said.items() if lines}
    assert len(best) >= 2
    least = 25 if engine == "fairseq" else 20  # of 30; CTranslate2's int8 says 24 on an EPYC, 25 and more on a Xeon
    for found in best.values():
        assert sum(one[2] == other[2] for one, other in zip(found, best["float32"], strict=True)) >= least
    assert [one[1] for one in best["int8"]] != [one[1] for one in best["float32"]]  # scores to four places
    status, _, errors = translate(raw, "--engine", engine, "--precision", "int4")
    assert status == 2
    assert "precision='int4' is not one of float32 | bf16 | int8" in errors


def test_mistakes_are_one_line(trained, translate, tmp_path):
    truncated = tmp_path / "truncated.pt"
    truncated.write_bytes(trained.model.read_bytes()[:5000])
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    other = tmp_path / "data"
    (other / "data-bin").mkdir(parents=True)
    for name in ("manifest.json", "bpecodes"):
        (other / name).write_bytes((trained.data / name).read_bytes())
    for language in ("en", "de"):
        (other / "data-bin" / f"dict.{language}.txt").write_text("one 1\n")
    for words, system, expected in (
        ((), tmp_path / "nothing", "does not exist"),
        ((), foreign, "manifest.json"),
        (("--data", trained.data), truncated, "truncated"),
        (("--data", other), trained.model, "does not fit the dictionaries"),
        (("--beam", 0), trained.packed, "--beam"),
        (("--nbest", 9), trained.packed, "--nbest 9 is more than --beam 4"),
        (("--input", tmp_path / "none.en"), trained.packed, "none.en"),
    ):
        status, lines, errors = translate(b"badu\n", *words, system=system)
        assert status == 2, (words, errors)
        assert lines == []
        assert expected in errors
        assert len(errors.strip().splitlines()) == 1
    status, _, errors = translate(b"badu\nla\xff\n")
    assert status == 2
    assert "standard input:2: not UTF-8" in errors
