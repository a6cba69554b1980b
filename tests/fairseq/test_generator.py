"""fairseq-generate, fairseq-interactive, --eval-bleu and translate() through the plugin's search."""

from __future__ import annotations

import contextlib
import io
import math
import re
import shutil
import sys
from pathlib import Path

import pytest
from fairseq import hub_utils
from fairseq_cli.generate import cli_main

import aat_plugin
from aat_plugin.errors import ConfigError

aat_plugin.register()

pytestmark = pytest.mark.fairseq

MODEL = ["--arch", "aat_transformer_tiny", "--num-layers", 1, "--d-model", 32, "--d-ff", 64, "--num-heads", 2]
TRAINING = [*MODEL, "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--lr", 3e-3, "--dropout", 0.0,
            "--max-tokens", 1000, "--task", "aat_translation", "--cpu"]  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, fairseq_command, tiny_corpus, user_dir) -> Path:
    """A model after 60 updates."""
    folder = tmp_path_factory.mktemp("trained")
    fairseq_command("fairseq-train", tiny_corpus, "--user-dir", user_dir, *TRAINING, "--max-update", 60,
                    "--save-dir", folder, "--no-epoch-checkpoints")  # fmt: skip
    return folder / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def flags_of(tiny_corpus, checkpoint):
    """`flags_of(flag, …)` -> arguments of fairseq-generate and interactive: the model, the paper's search, flags."""

    def build(*flags: object, data: Path = tiny_corpus, path: str = str(checkpoint)) -> list[str]:
        given = [data, "--path", path, "--cpu", "--num-workers", 0, "--beam", 4, "--lenpen", 0.6, "--batch-size", 8]
        task = [] if "--task" in flags else ["--task", "aat_translation"]
        return [str(flag) for flag in (*given, *task, *flags)]

    return build


@pytest.fixture
def generate(flags_of, monkeypatch):
    """`generate(flag, …)` -> what fairseq-generate prints; run inside this process, to save its start."""

    def run(*flags: object, **more) -> str:
        printed = io.StringIO()
        monkeypatch.setattr(sys, "argv", ["generate", *flags_of(*flags, **more)])
        with contextlib.redirect_stdout(printed):
            cli_main()
        return printed.getvalue()

    return run


def lines(output: str, kind: str) -> dict[int, list[list[str]]]:
    """The output's lines of one kind ("H", "P" …) by sentence, cut at tabs."""
    found: dict[int, list[list[str]]] = {}
    for line in output.splitlines():
        if match := re.match(rf"{kind}-(\d+)\t(.*)", line):
            found.setdefault(int(match[1]), []).append(match[2].split("\t"))
    return found


def test_with_fairseqs_rules_generate_prints_what_stock_generate_prints(generate):
    flags = ["--nbest", 4, "--required-batch-size-multiple", 1]
    rules = ["--length-penalty", "power", "--stop-rule", "count", "--length-limit", "batch"]
    ours = lines(generate(*flags, *rules), "H")
    stock = lines(generate(*flags, "--task", "translation"), "H")
    assert sorted(ours) == sorted(stock) == list(range(25))
    for sentence, hypotheses in stock.items():
        assert [text for _, text in ours[sentence]] == [text for _, text in hypotheses]
        scores = [float(score) for score, _ in hypotheses]
        assert [float(score) for score, _ in ours[sentence]] == pytest.approx(scores, abs=1e-4)


def test_generate_prints_fairseqs_lines_with_the_papers_score_and_limit(generate):
    output = generate("--max-len-a", 1, "--max-len-b", 2, "--print-alignment", "hard")
    by_kind = {kind: lines(output, kind) for kind in "STHDPA"}
    assert all(sorted(found) == list(range(25)) for found in by_kind.values())
    for sentence in range(25):
        ((score, text),) = by_kind["H"][sentence]
        shares = [float(share) for share in by_kind["P"][sentence][0][0].split()]
        length = len(text.split()) + 1  # the end symbol counts
        assert len(shares) == length <= len(by_kind["S"][sentence][0][0].split()) + 2 + 1
        assert float(score) == pytest.approx(sum(shares) / ((5 + length) / 6) ** 0.6, abs=1e-3)
        pairs = [pair.split("-") for pair in by_kind["A"][sentence][0][0].split()]
        assert [int(target) for _, target in pairs] == list(range(length - 1))
        assert all(0 <= int(source) < len(by_kind["S"][sentence][0][0].split()) for source, _ in pairs)


def test_soft_alignments_are_distributions_over_the_source(generate):
    output = generate("--print-alignment", "soft", "--max-len-b", 5)
    sources = lines(output, "S")
    for sentence, ((row,),) in lines(output, "A").items():
        for token in row.split(" "):
            weights = [float(weight) for weight in token.split(",")]
            assert len(weights) == len(sources[sentence][0][0].split()) + 1
            assert math.fsum(weights) == pytest.approx(1, abs=1e-4)


@pytest.fixture(scope="module")
def raw_corpus(tmp_path_factory, fairseq_command, tiny_text, tiny_corpus) -> Path:
    """The test set as text, each source beginning with a word that no dictionary has."""
    text = tmp_path_factory.mktemp("raw")
    for side in ("src", "tgt"):
        shutil.copy(tiny_text / f"test.{side}", text)
    source = text / "test.src"
    source.write_text("".join(f"Unseen{n} {line}\n" for n, line in enumerate(source.read_text().splitlines())))
    files = ["--testpref", text / "test", "--destdir", text / "bin", "--srcdict", tiny_corpus / "dict.src.txt"]
    options = ["-s", "src", "-t", "tgt", "--joined-dictionary", "--dataset-impl", "raw"]
    fairseq_command("fairseq-preprocess", *files, *options)
    return text / "bin"


def test_unknown_words_are_replaced_by_aligned_source_words_or_their_entries(generate, raw_corpus, tmp_path):
    flags = ["--dataset-impl", "raw", "--unkpen", -9, "--max-len-b", 3, "--print-alignment"]
    plain = generate(*flags, data=raw_corpus)
    sources, pairs = lines(plain, "S"), lines(plain, "A")
    unknown = lines(plain, "H")
    assert sum(text.split().count("<unk>") for ((_, text),) in unknown.values()) > 20
    entries = tmp_path / "entries"
    words = {word for ((source,),) in sources.values() for word in source.split() if word != "<unk>"}
    entries.write_text("".join(f"{word} {word.upper()}\n" for word in words))
    for option, change in ((["--replace-unk"], str), (["--replace-unk", entries], str.upper)):
        replaced = lines(generate(*flags, *option, data=raw_corpus), "H")
        for sentence, ((_, text),) in unknown.items():
            originals = [f"Unseen{sentence}", *sources[sentence][0][0].split()[1:]]
            looked = dict(tuple(map(int, reversed(pair.split("-")))) for pair in pairs[sentence][0][0].split())
            expected = [
                (originals[looked[place]] if looked[place] == 0 else change(originals[looked[place]]))
                if word == "<unk>" else word
                for place, word in enumerate(text.split())
            ]  # fmt: skip
            assert replaced[sentence][0][1].split() == expected


def test_interactive_translates_what_it_is_typed_blank_and_over_long_lines_too(fairseq_command, flags_of, user_dir):
    typed = "dan bul\n\n" + "dan " * 1100 + "\nges dan Unseen\n"
    flags = flags_of("--user-dir", user_dir, "--buffer-size", 8)
    done = fairseq_command("fairseq-interactive", *flags, "--print-alignment", "--replace-unk", stdin=typed)
    hypotheses = lines(done.stdout, "H")
    assert sorted(hypotheses) == [0, 1, 2, 3]
    assert hypotheses[2] == [["0.0", ""]]
    assert "1101 tokens (at most 1024)" in done.stdout + done.stderr
    assert sorted(lines(done.stdout, "A")) == [0, 1, 2, 3]
    refused = fairseq_command("fairseq-interactive", *flags, "--print-alignment", "soft", stdin="dan\n", check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("aat_plugin: fairseq-interactive prints hard alignments only")


def test_references_and_prefixes_come_from_the_target_side(generate):
    scored = generate("--score-reference")
    targets = lines(scored, "T")
    assert all(lines(scored, "H")[n][0][1] == target for n, ((target,),) in targets.items())
    continued = lines(generate("--prefix-size", 2), "H")
    assert all(continued[n][0][1].split()[:2] == target.split()[:2] for n, ((target,),) in targets.items())


@pytest.mark.parametrize("flag", [["--diverse-beam-groups", 2], ["--match-source-len"], ["--retain-dropout"],
                                  ["--min-len", 201], ["--nbest", 5]], ids=str)  # fmt: skip
def test_a_flag_that_cannot_be_honoured_is_named(generate, flag):
    with pytest.raises(ConfigError, match=f"{flag[0]} "):
        generate(*flag)


def test_a_command_ends_with_one_line_at_a_flag_that_the_search_has_not(fairseq_command, flags_of, user_dir):
    flags = flags_of("--user-dir", user_dir, "--sampling", "--nbest", 4)
    done = fairseq_command("fairseq-generate", *flags, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("aat_plugin: --sampling is not supported by the plugin's beam")
    assert "Traceback" not in done.stderr
    assert not lines(done.stdout, "H")


def test_an_ensemble_averages_probabilities(generate, checkpoint):
    alone = lines(generate(), "H")
    twice = lines(generate(path=f"{checkpoint}:{checkpoint}"), "H")
    assert {n: h[0][1] for n, h in alone.items()} == {n: h[0][1] for n, h in twice.items()}


def test_bleu_in_training_uses_the_plugins_search_and_refuses_what_it_has_not(
    fairseq_command, tiny_corpus, user_dir, tmp_path
):
    flags = [*TRAINING, "--max-update", 4, "--eval-bleu", "--best-checkpoint-metric", "bleu",
             "--maximize-best-checkpoint-metric", "--save-dir", tmp_path, "--user-dir", user_dir]  # fmt: skip
    done = fairseq_command("fairseq-train", tiny_corpus, *flags, "--eval-bleu-args", '{"beam": 2}')
    assert re.search(r"valid on 'valid' subset.*\| bleu ", done.stdout + done.stderr)
    assert (tmp_path / "checkpoint_best.pt").exists()
    bad = fairseq_command("fairseq-train", tiny_corpus, *flags, "--eval-bleu-args", '{"beem": 2}', check=False)
    assert bad.returncode == 1
    assert bad.stderr.splitlines()[-1].startswith("aat_plugin: --beem is no generation option; did you mean 'beam'?")


def test_a_loaded_model_translates_through_pythons_interface(checkpoint, tiny_corpus):
    loaded = hub_utils.from_pretrained(str(checkpoint.parent), checkpoint.name, str(tiny_corpus))
    hub = hub_utils.GeneratorHubInterface(loaded["args"], loaded["task"], loaded["models"])
    translations = hub.translate(["dan bul", "ges dan kun"], beam=3)
    assert len(translations) == 2
    typed = [hub.encode("dan bul"), hub.encode("dan")]
    one, two = hub.generate(typed, beam=3, nbest=3, print_alignment=True, verbose=True)
    assert len(one) == len(two) == 3
    assert hub.decode(one[0]["tokens"]) == translations[0]
