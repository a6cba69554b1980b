"""Table 3 as data: the same rows as Hydra's, cell by cell, and what the paper says about them in words."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from aat_plugin.results.table3 import BY_NAME, VARIATIONS, Sizes

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = {
    "model.num_layers": "num_layers", "model.d_model": "d_model", "model.d_ff": "d_ff", "model.num_heads": "num_heads",
    "model.d_k": "d_k", "model.d_v": "d_v", "model.dropout": "dropout", "criterion.label_smoothing": "label_smoothing",
    "model.learned_positions": "learned_positions", "optimization.max_update": "train_steps",
}


def test_every_row_is_a_choice_of_hydras_and_the_other_way_round():
    assert {path.stem for path in (CONF / "variation").glob("*.yaml")} == set(BY_NAME)
    assert len(BY_NAME) == len(VARIATIONS) == 20


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_hydras_cells_are_the_rows(variation):
    cells = OmegaConf.load(CONF / f"cells/aat_{variation.name}.yaml") or OmegaConf.create()
    stated = {name: OmegaConf.select(cells, key) for key, name in OPTIONS.items()}
    given = {name: cell for name, cell in stated.items() if cell is not None}
    assert asdict(variation.sizes) == {**asdict(Sizes()), **given}


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: variation.name)
def test_hydras_choice_states_the_published_numbers(variation):
    words = (CONF / f"variation/{variation.name}.yaml").read_text()
    assert f"perplexity {variation.perplexity:.2f}, BLEU {variation.bleu:.1f}" in words
    assert (f"{variation.parameters} M parameters" in words) == (variation.parameters is not None)


def test_what_section_6_2_says_of_the_rows():
    base = BY_NAME["base"]
    assert base.bleu - BY_NAME["A1"].bleu == pytest.approx(0.9), "single-head attention is 0.9 BLEU worse"
    for name in ("A1", "A2", "A3", "A4"):
        sizes = BY_NAME[name].sizes
        assert sizes.num_heads * sizes.d_k == sizes.num_heads * sizes.d_v == 512, "the computation stays constant"
    assert min(VARIATIONS, key=lambda row: row.bleu).name == "C1"
    assert max(VARIATIONS, key=lambda row: row.bleu).name == "big"
