"""`--precision bf16`: close to float32 in value and gradient, float32 where it would be emulated."""

from __future__ import annotations

import pytest
import torch

from aat_plugin.architecture import Transformer
from aat_plugin.bindings import precision
from aat_plugin.bindings.precision import Precision
from aat_plugin.errors import ConfigError
from aat_plugin.training.fused_loss import FusedCrossEntropy


@pytest.fixture
def problem(make_config):
    """A float32 model in evaluation mode, a batch, and a criterion in fairseq's form."""
    model = Transformer(make_config()).eval()
    generator = torch.Generator().manual_seed(1)
    source, previous, target = (torch.randint(4, 19, (6, length), generator=generator) for length in (9, 8, 8))
    sample = {"net_input": {"src_tokens": source, "prev_output_tokens": previous}, "target": target}

    def criterion(model, sample, rule=None):
        return model(**sample["net_input"], target=sample["target"], loss=rule or FusedCrossEntropy())

    return model, sample, criterion


def outcome(name, problem):
    model, sample, criterion = problem
    model.zero_grad()
    loss = Precision(name).over(criterion)(model, sample).loss
    loss.backward()
    return loss.detach(), torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


def test_bf16_is_near_float32_and_leaves_float32_gradients(problem, monkeypatch):
    monkeypatch.setattr(precision, "quick_bf16", lambda device: True)
    exact, gradient = outcome("float32", problem)
    near, rough = outcome("bf16", problem)
    assert near.dtype == rough.dtype == torch.float32
    assert near != exact
    torch.testing.assert_close(near, exact, rtol=1e-2, atol=0)
    assert torch.nn.functional.cosine_similarity(rough, gradient, dim=0) > 0.99


def test_float32_is_the_plain_path_bit_for_bit(problem):
    model, sample, criterion = problem
    assert outcome("float32", problem)[0] == criterion(model, sample).loss


def test_where_bf16_would_be_emulated_float32_is_used_and_said_once(problem, monkeypatch, caplog):
    monkeypatch.setattr(precision, "quick_bf16", lambda device: False)
    exact, _ = outcome("float32", problem)
    model, sample, criterion = problem
    asked = Precision("bf16")
    with caplog.at_level("WARNING"):
        assert asked.over(criterion)(model, sample).loss == exact
        asked.over(criterion)(model, sample)
    assert sum("float32 is used" in record.message for record in caplog.records) == 1


def test_int8_is_for_generation_and_float32_where_torch_has_no_products(problem, monkeypatch, caplog):
    with pytest.raises(ConfigError, match="precision=int8 is for generation"):
        Precision("int8").over(problem[2])
    for quick, layers in ((True, "bf16"), (False, "int8")):
        monkeypatch.setattr(precision, "quick_bf16", lambda device, quick=quick: quick)
        assert Precision("int8").of_weights(torch.device("cpu"), 100) == (layers, "int8")
        assert Precision("int8").of_weights(torch.device("cpu"), 4) == ("float32", "int8")
        assert Precision("float32").of_weights(torch.device("cpu"), 4) == ("float32", "float32")
    monkeypatch.setattr(precision, "int8_engine", lambda: None)
    asked = Precision("int8")
    with caplog.at_level("WARNING"):
        assert {asked.of_weights(torch.device("cpu"), 100) for _ in range(2)} == {("float32", "float32")}
    assert sum("float32 is used" in record.message for record in caplog.records) == 1


def test_another_precision_is_named():
    with pytest.raises(ConfigError, match=r"precision='fp8' is not one of float32 \| bf16"):
        Precision("fp8")
