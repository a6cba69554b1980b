"""The training and loading options that users of fairseq know, under the plugin, from flags and from Hydra.

Resuming is tested in test_resume, generating in test_generator, Hydra's own errors in test_hydra.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch

import aat_plugin
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.cli import paths

aat_plugin.register()  # so that checkpoints can be read here
pytestmark = [pytest.mark.fairseq, pytest.mark.slow]

SIZE = dict(num_layers=1, d_model=16, d_ff=32, num_heads=2)
STOCK_SIZE = {f"{side}_{name}": value for side in ("encoder", "decoder")
              for name, value in (("layers", 1), ("embed_dim", 16), ("ffn_embed_dim", 32), ("attention_heads", 2))}
ADAM = dict(optimizer="adam", adam_betas="(0.9, 0.98)", adam_eps="1e-9")
OURS = dict(task="aat_translation", arch="aat_transformer_tiny", criterion="aat_label_smoothing",
            lr_scheduler="aat_noam", warmup_updates=10, **ADAM, **SIZE)
STOCK = dict(task="translation", arch="transformer", criterion="label_smoothed_cross_entropy", label_smoothing=0.1,
             lr=1e-3, **ADAM, **STOCK_SIZE)


@pytest.fixture(scope="module")
def train(fairseq_command, tiny_corpus, user_dir):
    """`train(folder, option=value, …)` -> the completed fairseq-train; a value of True makes a flag without a word."""

    def run(folder: Path, *, data: Path = tiny_corpus, base: dict = OURS, check: bool = True, **options):
        common = dict(max_tokens=400, max_update=4, seed=7, num_workers=0, save_dir=folder, no_epoch_checkpoints=True,
                      user_dir=user_dir, cpu=True)
        words: list[object] = []
        for name, value in {**common, **base, **options}.items():
            if value is not False:
                words += [f"--{name.replace('_', '-')}", *([] if value is True else [value])]
        return fairseq_command("fairseq-train", data, *words, check=check)

    return run


@pytest.fixture(scope="module")
def two(train, tmp_path_factory) -> tuple[Path, Path]:
    """Two models of different seeds, trained for 30 updates with separate embeddings' opposite: all shared."""
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for seed, folder in enumerate(folders):
        train(folder, seed=seed, max_update=30, share_all_embeddings="true")
    return folders[0] / "checkpoint_last.pt", folders[1] / "checkpoint_last.pt"


def parameters(path: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(str(path))["model"]


def updates_done(path: Path) -> int:
    return read_checkpoint(str(path))["optimizer_history"][-1]["num_updates"]


def printed(done) -> str:
    return done.stdout + done.stderr


def test_an_ensemble_of_two_scores_with_the_mean_probability(two, fairseq_command, tiny_corpus, user_dir):
    """Scored on the references: the ensemble's share of each token lies between the two models'."""
    def shares(path: str) -> dict[str, list[float]]:
        done = fairseq_command("fairseq-generate", tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation",
                               "--path", path, "--cpu", "--num-workers", 0, "--score-reference", "--batch-size", 25)
        rows = re.findall(r"^P-(\d+)\t(.*)$", done.stdout, flags=re.MULTILINE)
        return {number: [2 ** float(share) for share in row.split()] for number, row in rows}

    first, second, both = shares(str(two[0])), shares(str(two[1])), shares(f"{two[0]}:{two[1]}")
    assert len(both) == 25
    assert first != second
    for number, row in both.items():
        mean = [(a + b) / 2 for a, b in zip(first[number], second[number], strict=True)]
        assert row == pytest.approx(mean, abs=2e-4)


def test_interactive_takes_an_ensemble(two, fairseq_command, tiny_corpus, user_dir):
    done = fairseq_command("fairseq-interactive", tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation",
                           "--path", f"{two[0]}:{two[1]}", "--cpu", stdin="dan bul\nges\n")
    assert len(re.findall(r"^D-\d\t", done.stdout, flags=re.MULTILINE)) == 2


def test_validate_agrees_with_what_training_printed(two, fairseq_command, tiny_corpus, user_dir, train, tmp_path):
    trained = printed(train(tmp_path, restore_file=two[0], max_update=31))
    last = re.findall(r"valid on 'valid' subset \| loss ([\d.]+) \| nll_loss ([\d.]+)", trained)[-1]
    done = fairseq_command("fairseq-validate", tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation",
                           "--path", tmp_path / "checkpoint_last.pt", "--cpu", "--max-tokens", 400, "--num-workers", 0)
    found = re.search(r"\| loss ([\d.]+) \| nll_loss ([\d.]+)", printed(done))
    assert found is not None
    assert [float(number) for number in found.groups()] == pytest.approx([float(number) for number in last], abs=2e-3)


def test_restore_file_goes_on_with_the_optimizer_and_finetune_from_model_starts_anew(two, train, tmp_path):
    train(tmp_path / "on", restore_file=two[0], max_update=32, share_all_embeddings="true")
    assert updates_done(tmp_path / "on" / "checkpoint_last.pt") == 32
    train(tmp_path / "anew", finetune_from_model=two[0], max_update=2, share_all_embeddings="true", lr_factor=1e-9)
    assert updates_done(tmp_path / "anew" / "checkpoint_last.pt") == 2
    start, end = parameters(two[0]), parameters(tmp_path / "anew" / "checkpoint_last.pt")
    assert all(torch.allclose(start[name], end[name], atol=1e-6) for name in start)


def test_patience_stops_and_tensorboard_is_written(train, tmp_path):
    done = train(tmp_path / "saved", patience=2, max_update=1000, lr_factor=1e-9, max_epoch=12,
                 tensorboard_logdir=tmp_path / "board")
    assert "early stop since valid performance hasn't improved for last 2 runs" in printed(done)
    written = {path.parent.name for path in (tmp_path / "board").rglob("events.out.tfevents*") if path.stat().st_size}
    assert {"train", "valid"} <= written


def test_bleu_in_training_chooses_the_best_checkpoint_under_hydra_too(fairseq_command, tiny_corpus, tmp_path):
    done = fairseq_command(
        "fairseq-hydra-train", "--config-dir", paths.conf_dir(), "--config-name", "demo_translation",
        f"task.data={tiny_corpus}", "task.source_lang=src", "task.target_lang=tgt", "model.num_layers=1",
        "model.d_model=16", "model.d_ff=32", "model.num_heads=2", "optimization.max_update=4", "task.eval_bleu=true",
        "checkpoint.best_checkpoint_metric=bleu", "checkpoint.maximize_best_checkpoint_metric=true",
        "checkpoint.save_interval_updates=2", "checkpoint.patience=50", f"checkpoint.save_dir={tmp_path / 'saved'}",
        f"common.tensorboard_logdir={tmp_path / 'board'}", "dataset.num_workers=0", cwd=tmp_path,
    )  # fmt: skip
    assert re.search(r"valid on 'valid' subset.*\| bleu ", printed(done))
    assert read_checkpoint(str(tmp_path / "saved" / "checkpoint_best.pt"))["cfg"]["task"]["eval_bleu"] is True
    assert list((tmp_path / "board").rglob("events.out.tfevents*"))


def test_a_model_loads_by_name_and_translates(two, tiny_corpus, user_dir):
    from aat_plugin.bindings.model import AatTransformerModel

    folder, name = two[0].parent, two[0].name
    hub = AatTransformerModel.from_pretrained(str(folder), name, str(tiny_corpus), user_dir=user_dir)
    first, second = hub.translate(["dan bul ges", "kun"], beam=4)
    assert isinstance(first, str)
    assert isinstance(second, str)
    assert hub.translate("dan bul ges", beam=4) == first


@pytest.mark.parametrize(("sharing", "tables"), [
    (dict(share_all_embeddings="true"), 1),
    (dict(share_all_embeddings="false", share_decoder_input_output_embed="true"), 2),
    (dict(share_all_embeddings="false", share_decoder_input_output_embed="false"), 3),
], ids=["all", "target", "none"])
def test_embeddings_are_shared_fully_partly_or_not(
    train, tmp_path, sharing, tables, fairseq_command, tiny_corpus, user_dir
):
    """Counted by storage after training: tied tables are one parameter, and stay equal."""
    train(tmp_path, **sharing)
    saved = parameters(tmp_path / "checkpoint_last.pt")
    names = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "decoder.output_projection.weight")
    found = [saved[name] for name in names if name in saved]
    assert len({tuple(table.flatten()[:64].tolist()) for table in found}) == tables
    done = fairseq_command("fairseq-generate", tiny_corpus, "--user-dir", user_dir, "--task", "aat_translation",
                           "--path", tmp_path / "checkpoint_last.pt", "--cpu", "--num-workers", 0)
    assert len(re.findall(r"^H-", done.stdout, flags=re.MULTILINE)) == 25


def test_sources_are_padded_on_either_side_with_the_same_loss(train, tmp_path):
    losses = {}
    for side in ("True", "False"):
        done = train(tmp_path / side, left_pad_source=side, dropout=0)
        losses[side] = re.findall(r"valid on 'valid' subset \| loss ([\d.]+)", printed(done))[-1]
        assert read_checkpoint(str(tmp_path / side / "checkpoint_last.pt"))["cfg"]["task"]["left_pad_source"] == side
    assert float(losses["True"]) == pytest.approx(float(losses["False"]), abs=2e-3)


def test_long_sources_are_cut_where_asked(train, tmp_path):
    """Sentences have 2 to 9 words: limited to five tokens, most are skipped by default and all are kept when cut."""
    limits = dict(max_source_positions=5, skip_invalid_size_inputs_valid_test=True)
    skipped = printed(train(tmp_path / "skipped", **limits))
    assert re.search(r"\d+ of 300 sentences are over max_positions=\(5, \d+\)", skipped)
    cut = printed(train(tmp_path / "cut", truncate_source=True, **limits))
    assert "are over max_positions" not in cut


def test_the_stock_task_trains_our_model_and_our_task_trains_the_stock_model(train, tmp_path):
    ours_on_stock = train(tmp_path / "a", base={**OURS, "task": "translation"})
    stock_on_ours = train(tmp_path / "b", base={**STOCK, "task": "aat_translation"})
    for done in (ours_on_stock, stock_on_ours):
        loss = float(re.findall(r"valid on 'valid' subset \| loss ([\d.]+)", printed(done))[-1])
        assert math.isfinite(loss)


def test_an_existing_data_bin_is_used_unchanged(train, tiny_corpus, tmp_path):
    def state() -> dict[str, tuple[int, int]]:
        return {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in tiny_corpus.iterdir()}

    before = state()
    train(tmp_path)
    assert state() == before


def test_validation_losses_of_ours_and_of_a_stock_config_are_in_the_same_units(train, tmp_path):
    """At a rate of almost nothing, the tables' entries are small and both models are near uniform: log2 of 88 types."""
    for name, base, rate in (("a", OURS, dict(lr_factor=1e-9)), ("b", STOCK, dict(lr=1e-9))):
        done = train(tmp_path / name, base=base, dropout=0, **rate)
        nll = float(re.findall(r"\| nll_loss ([\d.]+)", printed(done))[-1])
        assert nll == pytest.approx(math.log2(88), abs=1.5)
