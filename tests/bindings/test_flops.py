"""Operations that torch counts, against formulas by hand; and those of a checkpoint, whatever model it holds."""

from __future__ import annotations

import pytest
import torch
import toy_translation as toy

from aat_plugin.architecture.cost import operations
from aat_plugin.bindings.flops import LENGTH, SENTENCES, forward_flops, training_flops

WIDTH, TYPES = 32, 44  # of the toy models, and of their dictionary


def multiplications(model: str) -> float:
    """Of a forward pass a token of each side, by hand; (target, source) pairs of a sentence are LENGTH a token."""
    w, n = WIDTH, LENGTH
    if model == "lstm":  # its attention's scores are no matrix product
        encoder = 4 * w * (w + w)
        decoder = 4 * w * (w + w + w) + w * w + 2 * w * w + w * TYPES
    elif model == "fconv":
        encoder = w * w + 2 * 3 * w * 2 * w + w * w
        trimmed = (n + 2) / n  # it computes as many places more as its kernel reaches back, and cuts them off
        decoder = w * w + 2 * (3 * w * 2 * w * trimmed + 2 * w * w + 2 * n * w) + w * w + w * TYPES
    else:
        half = w // 2
        encoder = 2 * 3 * half * (w + half) + w * w + half * 2 * w / n
        attentive = w * w + n * w + n * w + 3 * w * (w + w + w)  # query, scores, mixing, cell
        decoder = attentive + 3 * w * (2 * w + w) + 3 * w * w + w * TYPES
    return encoder + decoder


@pytest.mark.parametrize("model", ["lstm", "fconv", "gru"])
def test_torchs_count_is_the_formula_by_hand(model):
    built = {"lstm": toy.stock_lstm, "fconv": toy.stock_fconv, "gru": lambda: toy.rival("gru")}[model]()
    assert forward_flops(built) == pytest.approx(2 * SENTENCES * LENGTH * multiplications(model), rel=1e-6)


def test_torchs_count_of_stocks_transformer_is_our_formula_of_ours():
    config = toy.aat_transformer().config
    tokens = SENTENCES * LENGTH
    counted = operations(config, tokens, tokens, LENGTH)
    assert forward_flops(toy.stock_transformer()) == pytest.approx(counted.update / 3, rel=1e-6)


@pytest.fixture
def stored(tmp_path):
    """`stored(model, section)` → a checkpoint of it."""

    def write(model, section):
        path = tmp_path / "checkpoint.pt"
        cfg = {"model": section, "task": {"_name": "translation"}}
        torch.save({"model": model.state_dict(), "cfg": cfg, "optimizer_history": [], "args": None}, path)
        return path

    return write


def test_a_checkpoint_is_enough(stored):
    widths = dict.fromkeys(("embed_dim", "hidden_size", "attention_size"), WIDTH)
    sizes = {**widths, "encoder_layers": 1, "decoder_layers": 2, **toy.SIZES}
    path = stored(toy.rival("gru"), {"_name": "aat_gru", **sizes})
    assert training_flops(path) == pytest.approx(3 * 2 * multiplications("gru"), rel=1e-6)
    sizes = {"num_layers": 1, "d_model": 32, "d_ff": 64, "num_heads": 2, **toy.SIZES}
    model = toy.aat_transformer()
    path = stored(model, {"_name": "aat_transformer_tiny", "share_all_embeddings": "true", **sizes})
    assert training_flops(path) == pytest.approx(operations(model.config, LENGTH, LENGTH, LENGTH).update / LENGTH)


def test_a_model_that_nobody_held_against_a_formula_has_no_count(stored):
    model = toy.aat_transformer()
    assert training_flops(stored(model, {"_name": "transformer_lm"})) is None
    assert training_flops(stored(model, None)) is None
