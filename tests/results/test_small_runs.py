"""A small run from end to end: trained, translated, scored and written down once, and gone on with where it was."""

from __future__ import annotations

import json

import pytest

from aat_plugin.cli import main
from aat_plugin.demo import corpus
from aat_plugin.errors import DataError
from aat_plugin.results import recorded_runs, small_runs

TINY = {"model.num_layers": 1, "model.d_model": 16, "model.d_ff": 32, "model.num_heads": 2, "batch": "1k_cpu"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Forty sentence pairs, as `aat prepare pair` leaves them."""
    folder = tmp_path_factory.mktemp("small")
    corpus.write_corpus(folder / "text", sizes={"train": 40, "valid": 4, "test": 4})
    files = [word for split in ("train", "valid", "test")
             for word in (f"--{split}", *(str(folder / "text" / f"{split}.{language}") for language in ("en", "de")))]
    assert main(["prepare", "pair", *files, "--bpe", "60", "-o", str(folder / "data")]) == 0
    return folder


def test_missing_data_are_named_with_the_way_to_them(tmp_path, prepared):
    with pytest.raises(DataError, match="make demo"):
        small_runs.corpus(tmp_path / "no", tmp_path / "no")
    with pytest.raises(DataError, match="--ref"):
        small_runs.corpus(prepared / "data", tmp_path / "no")
    assert small_runs.corpus(prepared / "data", prepared / "text" / "valid.de").languages == ("en", "de")


def test_a_tenth_of_the_budget_is_warm_up():
    made = small_runs.overrides_for(2000, 3)
    assert made["optimization.max_update"] == 2000
    assert made["lr_scheduler.warmup_updates"] == 200
    assert made["common.seed"] == 3
    assert small_runs.overrides_for(100, 1)["lr_scheduler.warmup_updates"] == 200  # shorter ones have a higher peak


@pytest.mark.fairseq
@pytest.mark.slow
def test_a_what_if_is_trained_scored_and_not_done_twice(prepared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = [word for key, value in TINY.items() for word in ("--override", f"{key}={value}")]
    words = ["whatif", "mask", "--budget", "6", "--data", str(prepared / "data"),
             "--ref", str(prepared / "text" / "valid.de"), *given]  # fmt: skip
    assert main(words) == 0
    first = capsys.readouterr().out
    assert "the decoder's mask" in first
    [run] = recorded_runs.find(tmp_path / "runs")
    cases = run.content["whatif"]["cases"]
    assert set(cases) == {"whole", "mask"}
    for found in cases.values():
        assert found["perplexity"] > 1
        assert 0 <= found["bleu"] <= 100
        assert found["curve"][-1][0] == 6
    log = (run.folder / "mask" / "logs" / "train.log").read_text(encoding="utf-8")
    assert "aat_whatif" in log
    commands = run.provenance["commands"]
    assert sum(command.startswith("fairseq-hydra-train") for command in commands) == 2
    before = json.dumps(cases)

    assert main(words) == 0
    assert "$ " not in capsys.readouterr().out
    assert json.dumps(recorded_runs.find(tmp_path / "runs")[0].content["whatif"]["cases"]) == before

    checkpoint = str(run.folder / "whole" / "checkpoints" / "checkpoint_last.pt")
    model = ["--checkpoint", checkpoint, "--data", str(prepared / "data")]
    assert main(["figure", "attention", *model, "--sentence", "the 東 dog sleeps .", "-o", "heads.html"]) == 0
    said = capsys.readouterr().out
    assert "東" in said.partition("\n")[0]  # unknown to the dictionary, and still itself
    assert "東" in (tmp_path / "heads.html").read_text(encoding="utf-8")
    for kind in ("decoder-self", "cross"):
        chosen = ["--kind", kind, "--layer", "1", "--target", "der Hund"]
        assert main(["figure", "attention", *model, "--sentence", "the dog", *chosen, "-o", f"{kind}.svg"]) == 0
    assert "der" in capsys.readouterr().out
    trees = str(prepared / "text" / "valid.trees")
    assert main(["figure", "constituents", *model, "--trees", trees, "--json"]) == 0
    shares = json.loads(capsys.readouterr().out)
    assert shares["sentences"] == 4
    assert all(0 < one < 1 for row in shares["inside"] for one in row)
