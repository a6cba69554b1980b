"""What a checkpoint says of its training: updates, tokens and time over stops, and the operations that follow."""

from __future__ import annotations

import json

import pytest
import torch

from aat_plugin import cli
from aat_plugin.results.training_cost import Cost, cost_of, last_checkpoint

pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

N, WIDTH, INNER, HEADS = 1, 16, 32, 2
EPOCHS = 3


@pytest.fixture(scope="module")
def run_folder(tiny_corpus, fairseq_command, user_dir, tmp_path_factory):
    """Stopped in the middle of an epoch, at the end of one, and gone on with."""
    folder = tmp_path_factory.mktemp("run")
    options = ["--user-dir", user_dir, "--task", "aat_translation", "--arch", "aat_transformer_tiny", "--cpu",
               "--num-layers", N, "--d-model", WIDTH, "--d-ff", INNER, "--num-heads", HEADS,
               "--criterion", "aat_label_smoothing", "--optimizer", "adam", "--lr-scheduler", "aat_noam",
               "--warmup-updates", 10, "--max-tokens", 200, "--save-dir", folder / "checkpoints"]  # fmt: skip
    for stop in (["--max-update", 3], ["--max-epoch", 2], ["--max-epoch", EPOCHS]):
        fairseq_command("fairseq-train", tiny_corpus, *options, *stop)
    return folder


def lengths(file) -> list[int]:
    """Of a text's lines, an end symbol counted."""
    return [len(line.split()) + 1 for line in file.read_text(encoding="utf-8").splitlines()]


def test_tokens_updates_and_operations_are_those_of_all_starts_together(run_folder, tiny_text):
    source, target = (lengths(tiny_text / f"train.{side}") for side in ("src", "tgt"))
    cost = cost_of(last_checkpoint(run_folder), "P100", 1)
    assert cost.known_by == "lengths of both sides: the prepared data's"
    state = torch.load(run_folder / "checkpoints" / "checkpoint_last.pt", weights_only=True)
    assert cost.updates == state["optimizer_history"][-1]["num_updates"] > 2 * EPOCHS
    assert cost.target_tokens == pytest.approx(EPOCHS * sum(target))
    assert cost.source_tokens == pytest.approx(EPOCHS * sum(source))
    # Section 4 and Figure 1 by hand: 2 operations for each weight and token, and three attentions over the squares.
    rows = state["model"]["decoder.embed_tokens.weight"].shape[0]
    length = sum(n * n for n in [*source, *target]) / sum([*source, *target])
    per_source = N * (4 * WIDTH**2 + 2 * WIDTH * INNER) + N * 2 * WIDTH**2
    per_target = N * (4 * WIDTH**2 + 2 * WIDTH * INNER + 2 * WIDTH**2) + rows * WIDTH
    forward = 2 * (EPOCHS * sum(source) * per_source + EPOCHS * sum(target) * per_target)
    forward += N * 4 * WIDTH * length * (EPOCHS * sum(source) + 2 * EPOCHS * sum(target))
    assert cost.model_operations == pytest.approx(3 * forward)
    assert cost.machine_operations == pytest.approx(cost.seconds * 9.5e12)
    assert cost.utilisation == pytest.approx(3 * forward / (cost.seconds * 9.5e12))


def test_this_machine_is_measured_where_no_device_is_named(run_folder):
    cost = cost_of(last_checkpoint(run_folder), None, 1)
    assert cost.rate > 1e8
    assert "measured here" in cost.rate_from
    assert "1 threads" in cost.rate_from
    assert Cost.from_json(json.loads(json.dumps(cost.to_json()))) == cost


def test_a_recorded_run_shows_its_cost_until_it_is_gone(run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "bleu.json").write_text(json.dumps({"score": 1.5, "signature": "s"}))
    words = ["record", "table2", "--row", "tiny", "--column", "toy", "--score", "bleu.json", "--command", "train"]
    checkpoint = ["--checkpoint", str(last_checkpoint(run_folder)), "--device", "P100"]
    assert cli.main(["report", *words, "--folder", "runs/tiny", *checkpoint]) == 0
    cost = json.loads((tmp_path / "runs" / "tiny" / "results.json").read_text())["cells"][0]["cost"]
    capsys.readouterr()
    assert cli.main(["report", "table2"]) == 0
    shown = capsys.readouterr().out
    operations = cost["model_operations"], cost["seconds"] * 9.5e12
    for number in (*(f"{one:.2e}" for one in operations), f"{cost['target_tokens']:,.0f}"):
        assert number in shown
    (tmp_path / "runs" / "tiny" / "results.json").unlink()
    assert cli.main(["report", "table2"]) == 0
    assert f"{cost['model_operations']:.2e}" not in capsys.readouterr().out


@pytest.mark.parametrize(("more", "said"), [
    (["--device", "P1000"], "did you mean 'P100'?"),
    (["--checkpoint", "nowhere.pt"], "nowhere.pt does not exist"),
])  # fmt: skip
def test_a_mistake_is_one_line_and_records_nothing(run_folder, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bleu.json").write_text(json.dumps({"score": 1.5}))
    checkpoint = [] if "--checkpoint" in more else ["--checkpoint", str(last_checkpoint(run_folder))]
    words = ["--row", "tiny", "--score", "bleu.json", "--command", "train", "--folder", "runs/tiny", *checkpoint, *more]
    assert cli.main(["report", "record", "table2", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_weights_alone_do_not_say_it_and_the_score_is_recorded_without(run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")  # else the table breaks what is looked for
    state = torch.load(last_checkpoint(run_folder), weights_only=True)
    del state["extra_state"]["metrics"]
    (tmp_path / "runs" / "tiny").mkdir(parents=True)
    torch.save(state, tmp_path / "runs" / "tiny" / "checkpoint_last.pt")
    (tmp_path / "bleu.json").write_text(json.dumps({"score": 1.5}))
    words = ["--row", "base", "--score", "bleu.json", "--command", "train", "--folder", "runs/tiny"]
    assert cli.main(["report", "record", "table2", *words]) == 0
    assert "Training cost: unknown" in capsys.readouterr().out
    assert cli.main(["report", "table2"]) == 0
    assert "recorded without" in capsys.readouterr().out
