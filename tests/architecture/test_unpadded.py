"""Training without padding is training with it: values and gradients in every dialect, and what it saves, counted."""

from __future__ import annotations

import pytest
import torch
from kept_bytes import kept_bytes
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode
from two_sides import HEADS, batch, outcome

from aat_plugin.architecture import Transformer, unpadded
from aat_plugin.architecture.ways import Ways
from aat_plugin.training.fused_loss import FusedCrossEntropy
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy


@pytest.mark.parametrize("rule", [SmoothedCrossEntropy, FusedCrossEntropy])
@pytest.mark.parametrize(("left_source", "left_target"), [(True, False), (False, True)])
def test_values_and_gradients_are_those_with_padding(dialect, make_config, make_model, rule, left_source, left_target):
    model = make_model(make_config(dialect, **HEADS, dropout=0.0, attention_dropout=0.0, activation_dropout=0.0))
    model.train()
    sides = (left_source, left_target)
    plain, expected = outcome(model, Ways(), rule(ignore_prefix_size=1), *sides)
    quick, found = outcome(model, Ways(unpadded=True, quick_dropout=True), rule(ignore_prefix_size=1), *sides)
    torch.testing.assert_close(quick.loss, plain.loss, rtol=1e-11, atol=0)
    assert found.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-8, atol=1e-10, msg=lambda m, n=name: n + m)


def test_with_dropout_the_seed_decides_and_every_parameter_learns(make_config, make_model):
    model = make_model(make_config(**HEADS, dropout=0.3)).train()
    first, one = outcome(model, Ways(True, True), FusedCrossEntropy())
    again, two = outcome(model, Ways(True, True), FusedCrossEntropy())
    assert first.loss == again.loss
    assert all(one[name].equal(two[name]) and one[name].any() for name, _ in model.named_parameters())
    model.eval()
    assert outcome(model, Ways(True, True), FusedCrossEntropy())[0].loss != first.loss


@pytest.mark.parametrize("choice", [
    dict(attention_dropout=0.1), dict(d_k=3), dict(restricted_attention=2), dict(counted_symbols=(4, 5)),
])  # fmt: skip
def test_where_attention_is_another_padding_stays(make_config, make_model, choice):
    model = make_model(make_config(**{**HEADS, **choice}))
    assert not unpadded.can_leave_padding_out(model.encoder.config, torch.ones(1, 1))
    plain, _ = outcome(model, Ways(), FusedCrossEntropy())
    assert outcome(model, Ways(True, True), FusedCrossEntropy())[0].loss == plain.loss


def test_under_autocast_it_is_near_float32_and_gradients_are_float32(make_config):
    model = Transformer(make_config(**HEADS)).eval()
    exact, gradients = outcome(model, Ways(), FusedCrossEntropy())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near, rough = outcome(model, Ways(True, True), FusedCrossEntropy())
    torch.testing.assert_close(near.loss, exact.loss, rtol=1e-2, atol=0)
    for name, expected in gradients.items():
        assert rough[name].dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(rough[name].flatten(), expected.flatten(), dim=0) > 0.98


def test_attentions_softmax_never_sees_rows_shorter_than_a_vector_unless_positions_end_before(make_config, make_model):
    for longest, width in ((40, unpadded.SHORTEST), (9, 9)):
        model = make_model(make_config(**HEADS, max_source_positions=longest, max_target_positions=longest,
                                       learned_positions=True))  # fmt: skip
        with Rows() as seen:
            outcome(model, Ways(True, True), FusedCrossEntropy())
        assert set(seen.widths) == {width}


class Rows(TorchDispatchMode):
    """The last dimension of whatever softmax was given."""

    def __init__(self) -> None:
        super().__init__()
        self.widths: list[int] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "softmax" in str(function):
            self.widths.append(args[0].size(-1))
        return function(*args, **(kwargs or {}))


def test_no_product_but_attentions_is_made_for_padding(make_config, make_model):
    """Counted operations: layers and loss for 12 + 15 real tokens and not for 18 + 21 places."""
    config = make_config(**HEADS)
    model = make_model(config)
    with FlopCounterMode(display=False) as counter:
        outcome(model, Ways(unpadded=True), FusedCrossEntropy())
    counts = {str(name): number for name, number in counter.get_flop_counts()["Global"].items()}
    width, ff = config.num_heads * config.d_k, config.d_ff
    attention, feed_forward = 4 * config.d_model * width, 2 * config.d_model * ff
    source, target = 12, 15
    products = source * config.num_layers * (attention + feed_forward)
    products += target * config.num_layers * (attention + 2 * config.d_model * width + feed_forward)
    products += source * config.num_layers * 2 * config.d_model * width
    products += target * config.target_vocabulary * config.d_model
    assert sum(number for name, number in counts.items() if "bmm" not in name) == 3 * 2 * products


class Launched(TorchDispatchMode):
    """How many operators were called, and how often a number was fetched to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.operators = self.fetched = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.operators += 1
        self.fetched += "_local_scalar_dense" in str(function)
        return function(*args, **(kwargs or {}))


def test_an_updates_operators_are_fewer_and_no_number_is_fetched(make_config, make_model):
    counted = {}
    for ways in (Ways(), Ways(True, True)):
        model = make_model(make_config(**HEADS, dropout=0.1)).train()
        outcome(model, ways, FusedCrossEntropy())
        with Launched() as launched:
            outcome(model, ways, FusedCrossEntropy())
        counted[ways] = launched
    assert all(launched.fetched == 0 for launched in counted.values())
    assert counted[Ways(True, True)].operators < counted[Ways()].operators


def kept_for_backward(model, ways):
    source, target = batch([16, 9, 12], 1, True), batch([10, 16, 8], 2, False)
    model.go(ways)

    def forward():
        assert model(source, None, target, target, loss=FusedCrossEntropy()).loss.requires_grad

    return kept_bytes(model, forward)


def test_less_is_kept_for_the_gradient(make_config):
    model = Transformer(make_config(d_model=32, d_ff=128, num_heads=2, d_k=16, d_v=16, dropout=0.1)).train()
    plain, quick = kept_for_backward(model, Ways()), kept_for_backward(model, Ways(True, True))
    assert quick < 0.92 * plain  # measured: 0.894
