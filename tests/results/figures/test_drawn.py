"""The figures that need no trained model: each number in them against the formula, restated here."""

from __future__ import annotations

import math

import pytest

from aat_plugin.errors import ConfigError, DataError
from aat_plugin.results import charts
from aat_plugin.results.figures import model, worked_example
from aat_plugin.results.figures.positions import positions
from aat_plugin.results.figures.schedule import schedule
from aat_plugin.results.figures.smoothing import PADDING, TRUE, smoothing, targets
from aat_plugin.results.figures.training import training
from aat_plugin.results.table3 import BY_NAME, config_of


def test_figure_1_shows_the_counts_of_the_base_model():
    config = config_of(BY_NAME["base"].sizes, 37_000, "paper")
    drawn = charts.inline(model.model(config, "base"))
    assert "base: 63,045,632 parameters" in drawn
    assert drawn.count("1,048,576 parameters") == 3  # 4 · 512², self, masked self, over the source
    assert drawn.count("2,099,712 parameters") == 2  # 2 · 512 · 2048 + 2048 + 512
    assert drawn.count("1,024 parameters") == 5
    assert "(batch, src_len, 512)" in drawn
    assert "18,944,000 parameters" in drawn


def test_figure_1_follows_the_config():
    released = model.model(config_of(BY_NAME["big"].sizes, 40_960, "t2t_head"))
    assert "norm before each sub-layer" in released.alt
    assert "target space" in charts.inline(released)
    assert [part.text.partition("\n")[0].partition(" ·")[0] for part in model.encoder_layer(
        config_of(BY_NAME["base"].sizes, 100, "fairseq"))] == [
        "multi-head self-attention", "dropout 0.1, add & norm", "feed-forward", "dropout 0.1, add & norm"]  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
def test_figure_2_can_be_followed_by_hand(masked):
    found = worked_example.steps(masked)
    for i, query in enumerate(worked_example.QUERIES):
        scores = [sum(a * b for a, b in zip(query, key, strict=True)) for key in worked_example.KEYS]
        assert found["products"][i].tolist() == scores
        seen = scores[: i + 1] if masked else scores
        powers = [math.exp(score / 2) for score in seen]  # √d_k = √4
        weights = [power / sum(powers) for power in powers]
        mixed = [sum(w * value[j] for w, value in zip(weights, worked_example.VALUES, strict=False)) for j in range(2)]
        assert found["weights"][i].tolist() == pytest.approx([*weights, *[0.0] * (3 - len(seen))])
        assert found["head"][i].tolist() == pytest.approx(mixed)
        row = [*mixed, *found["other"][i].tolist()]
        out = [sum(a * b[j] for a, b in zip(row, worked_example.OUTPUT, strict=True)) for j in range(3)]
        assert found["output"][i].tolist() == pytest.approx(out)
    drawn = charts.inline(worked_example.worked_example(masked))
    assert ("−∞" in drawn) == masked


def test_smoothed_targets_are_the_losss_own():
    epsilon, classes = 0.1, 8
    expected = {"all": epsilon / classes, "others": epsilon / (classes - 1), "others_but_pad": epsilon / (classes - 2)}
    for mass, share in expected.items():
        found = targets(mass, epsilon, classes)
        on_true = 1 - epsilon + (share if mass == "all" else 0)
        for one, value in enumerate(found):
            wanted = on_true if one == TRUE else 0.0 if (one, mass) == (PADDING, "others_but_pad") else share
            assert value == pytest.approx(wanted, abs=1e-12)
    assert "0.9125" in smoothing().alt


def test_the_schedules_peaks_are_equation_3():
    drawn = schedule(512, [4000], 8000)
    assert f"{512**-0.5 * 4000**-0.5:.2e} after 4,000" in drawn.alt
    with pytest.raises(ConfigError, match="warmup=0"):
        schedule(512, [0])


def test_positions_are_drawn_at_any_even_width():
    assert "d_model 16" in charts.inline(positions(20, 16, "halves", "t2t"))
    with pytest.raises(ConfigError, match="d_model=15"):
        positions(20, 15)


LINES = "| INFO | train_inner | epoch 001:  2 / 9 loss=5.0, ppl={ppl}, num_updates={update}, wps=7\n"


def test_training_curves_come_from_folders_and_files(tmp_path):
    for name, ppl in (("a", "20.5"), ("b", "10.25")):
        logs = tmp_path / name / "logs"
        logs.mkdir(parents=True)
        (logs / "train.log").write_text(LINES.format(ppl="99", update=5) + LINES.format(ppl=ppl, update=10))
    assert "a train 20.5 after 10; b train 10.2 after 10" in training([tmp_path / "a", tmp_path / "b"]).alt
    assert "train 7 after 10" in training([tmp_path / "a" / "logs" / "train.log"], "wps").alt
    with pytest.raises(DataError, match="no 'bleu'"):
        training([tmp_path / "a"], "bleu")
    with pytest.raises(DataError, match="no log"):
        training([tmp_path])
