"""Rows that stay bfloat16 between products: restated products, a model near float32, and what is saved, counted."""

from __future__ import annotations

import pytest
import torch
from kept_bytes import kept_bytes
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from aat_plugin.architecture import Transformer, unpadded
from aat_plugin.architecture.half_rows import Rounded, half_type, project
from aat_plugin.architecture.ways import Ways
from aat_plugin.training.fused_loss import FusedCrossEntropy

QUICK = Ways(unpadded=True, quick_dropout=True, fused_residual=True)
HALF = Ways(unpadded=True, quick_dropout=True, fused_residual=True, half_rows=True)
SIZES = dict(d_model=32, d_ff=128, num_heads=2, d_k=16, d_v=16)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rectified", [True, False])
def test_a_projection_is_the_rounded_weights_product_and_its_gradient_float32(bias, rectified):
    parts = [torch.nn.Linear(24, width, bias=bias) for width in (8, 16)]
    x = torch.randn(50, 24).bfloat16().requires_grad_()
    out = project(x, parts, rectified=rectified)
    upstream = torch.randn(50, 24).bfloat16()
    out.backward(upstream)
    rounded = torch.cat([part.weight for part in parts]).detach().bfloat16().double()
    exact = x.detach().double() @ rounded.t()
    if bias:
        exact += torch.cat([part.bias for part in parts]).detach().bfloat16().double()
    passes = exact > 0 if rectified else torch.ones_like(exact, dtype=torch.bool)
    assert out.dtype == x.grad.dtype == torch.bfloat16
    torch.testing.assert_close(out.double(), exact * passes, rtol=2**-7, atol=2**-7)
    passed = upstream.double() * (out > 0 if rectified else 1)
    torch.testing.assert_close(x.grad.double(), passed @ rounded, rtol=2**-6, atol=2**-6)
    of_weight = passed.t() @ x.detach().double()
    for part, expected in zip(parts, of_weight.split([8, 16]), strict=True):
        assert part.weight.grad.dtype == torch.float32
        torch.testing.assert_close(part.weight.grad.double(), expected, rtol=2**-6, atol=2**-4)
    if bias:
        found = torch.cat([part.bias.grad for part in parts]).double()
        torch.testing.assert_close(found, passed.sum(0), rtol=2**-6, atol=2**-4)


@pytest.mark.parametrize(("wide_in", "wide_out"), [(512, 640), (640, 512), (640, 640), (16, 640)])
def test_a_weights_gradient_is_the_same_whatever_is_turned(wide_in, wide_out):
    layer, x = torch.nn.Linear(wide_in, wide_out), torch.randn(32, wide_in).bfloat16()
    upstream = torch.randn(32, wide_out).bfloat16()
    project(x, [layer]).backward(upstream)
    exact = upstream.double().t() @ x.double()
    torch.testing.assert_close(layer.weight.grad.double(), exact, rtol=2**-6, atol=2**-5)
    assert layer.weight.grad.is_contiguous()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_other_types_it_is_torchs_own_product_bit_for_bit(dtype):
    parts = [torch.nn.Linear(24, width).to(dtype) for width in (8, 16)]
    x = torch.randn(50, 24, dtype=dtype)
    weight, bias = (torch.cat([getattr(part, name) for part in parts]) for name in ("weight", "bias"))
    assert project(x, parts).equal(torch.nn.functional.linear(x, weight, bias))
    assert project(x, parts[:1]).equal(parts[0](x))


def test_it_is_for_bfloat16_autocast_on_a_processor_alone():
    here = torch.device("cpu")
    assert half_type(here) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert half_type(here) is torch.bfloat16
        assert half_type(torch.device("meta")) is None
    with torch.autocast("cpu", dtype=torch.float16):
        assert half_type(here) is None


def outcome(model, ways, autocast=True, sentences=6):
    """The loss and every gradient of one batch."""
    model.go(ways)
    model.zero_grad()
    generator = torch.Generator().manual_seed(1)
    source, target = (torch.randint(4, 19, (sentences, length), generator=generator) for length in (18, 16))
    source[0, :5] = target[1, 9:] = 1
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        loss = model(source, None, target, target, loss=FusedCrossEntropy()).loss
    loss.backward()
    return loss.detach(), {name: one.grad.clone() for name, one in model.named_parameters()}


@pytest.mark.parametrize("dialect", ["paper", "t2t_release", "fairseq"])
def test_values_and_gradients_are_near_float32s(make_config, dialect):
    none = dict(dropout=0.0, attention_dropout=0.0, activation_dropout=0.0)
    model = Transformer(make_config(dialect, **SIZES, **none)).train()
    exact, expected = outcome(model, Ways(), autocast=False)
    near, found = outcome(model, HALF)
    torch.testing.assert_close(near, exact, rtol=1e-2, atol=0)
    largest = max(gradient.norm() for gradient in expected.values())
    for name, gradient in expected.items():
        assert found[name].dtype == torch.float32
        assert not found[name].is_sparse
        if name.endswith("k_proj.bias"):  # what all keys have in common softmax does not see: zero but for rounding
            assert found[name].norm() < 1e-2 * largest
            continue
        assert torch.nn.functional.cosine_similarity(found[name].flatten(), gradient.flatten(), dim=0) > 0.98


def test_with_dropout_the_seed_decides_and_every_parameter_learns(make_config):
    model = Transformer(make_config(**SIZES, dropout=0.3)).train()
    (loss, one), (again, two) = outcome(model, HALF), outcome(model, HALF)
    assert loss == again
    assert all(one[name].equal(two[name]) and one[name].any() for name in one)


def test_without_autocast_nothing_changes(make_config):
    model = Transformer(make_config(**SIZES, dropout=0.1)).train()
    plain, expected = outcome(model, QUICK, autocast=False)
    found, gradients = outcome(model, HALF, autocast=False)
    assert plain == found
    assert all(gradients[name].equal(expected[name]) for name in expected)


class Counted(TorchDispatchMode):
    """Operators by name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


def test_fewer_operators_convert_and_the_shared_tables_gradient_is_never_made_of_zeros(make_config):
    model, counted = Transformer(make_config(**SIZES, dropout=0.1)).train(), {}
    for ways in (QUICK, HALF):
        outcome(model, ways)
        with Counted() as counted[ways]:
            outcome(model, ways)
    conversions = {ways: sum("_to_copy" in name for name in one.names) for ways, one in counted.items()}
    assert conversions[HALF] < 0.6 * conversions[QUICK]
    assert not any("embedding_dense_backward" in name for name in counted[HALF].names)


def test_a_table_of_its_own_keeps_its_dense_gradient(make_config):
    model = Transformer(make_config(**SIZES, share_all_embeddings=False)).train()
    _, found = outcome(model, HALF)
    assert not found["encoder.embed_tokens.weight"].is_sparse


def kept_for_backward(model, ways):
    return kept_bytes(model, lambda: outcome(model, ways, sentences=63))  # no multiple of ROWS_ALIKE


@pytest.mark.parametrize(("quick", "share"), [(True, 0.75), (False, 0.95)])  # attention in bfloat16; in float32
def test_less_is_kept_for_the_gradient(make_config, monkeypatch, quick, share):
    monkeypatch.setattr(unpadded, "quick_small_products", lambda: quick)
    model = Transformer(make_config(**SIZES, dropout=0.1)).train()
    assert kept_for_backward(model, HALF) < share * kept_for_backward(model, QUICK)


def test_weights_that_are_rounded_together_give_the_same_products_and_gradients():
    torch.manual_seed(2)
    groups = [[nn.Linear(8, 6), nn.Linear(8, 4)], [nn.Linear(8, 5, bias=False)]]
    x = torch.randn(3, 8).bfloat16()
    found = []
    for rounded in (None, Rounded(groups)):
        outs = [project(x, group, rounded=rounded) for group in groups]
        sum(out.float().sum() for out in outs).backward()
        parameters = [one for group in groups for part in group for one in part.parameters()]
        found.append([*outs, *(one.grad.clone() for one in parameters)])
        for one in parameters:
            one.grad = None
    assert all(one.equal(other) for one, other in zip(*found, strict=True))
    with pytest.raises(KeyError):
        Rounded(groups[:1]).of(groups[1])
