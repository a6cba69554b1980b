"""The fused loss is the plain one: values, gradients, smoothings, padding, prefixes, accumulation, half precision."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from aat_plugin.architecture import Transformer
from aat_plugin.training.fused_loss import ROWS_ALIKE, FusedCrossEntropy
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy

MASSES = ("all", "others", "others_but_pad")


def case(batch, length, width, vocabulary, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, length, width, generator=generator, dtype=dtype, requires_grad=True)
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype, requires_grad=True)
    target = torch.randint(0, vocabulary, (batch, length), generator=generator)
    target[torch.rand(batch, length, generator=generator) < 0.3] = 1
    return features, weight, target


def outcome(rule, features, weight, target, scale=1.0):
    sums = rule(features, weight, target)
    gradients = torch.autograd.grad(sums.loss * scale, (features, weight))
    return sums, gradients


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(3, 12), st.integers(1, 7),
       st.sampled_from(MASSES), st.floats(0, 0.9), st.integers(0, 2), st.integers(0, 999))
def test_values_and_gradients_are_the_plain_losss(batch, length, width, vocabulary, chunk, mass, epsilon, prefix, seed):
    options = dict(epsilon=epsilon, smoothing_mass=mass, ignore_prefix_size=prefix, report_accuracy=True)
    tensors = case(batch, length, width, vocabulary, seed)
    plain, expected = outcome(SmoothedCrossEntropy(**options), *tensors, scale=3.0)
    fused, found = outcome(FusedCrossEntropy(chunk=chunk, **options), *tensors, scale=3.0)
    for a, b in zip((fused.loss, fused.nll, *found), (plain.loss, plain.nll, *expected), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    assert (fused.num_correct, fused.num_tokens) == (plain.num_correct, plain.num_tokens)


def test_gradients_agree_with_finite_differences():
    features, weight, target = case(2, 3, 4, 6, seed=1)
    rule, step = FusedCrossEntropy(chunk=2), 1e-6
    _, found = outcome(rule, features, weight, target)
    with torch.no_grad():
        for tensor, gradient in zip((features, weight), found, strict=True):
            for number, derivative in enumerate(gradient.flatten()):
                place, losses = tensor.view(-1)[number], []
                for sign in (1, -1):
                    place += sign * step
                    losses.append(rule(features, weight, target).loss)
                    place -= sign * step
                torch.testing.assert_close((losses[0] - losses[1]) / (2 * step), derivative, rtol=1e-6, atol=1e-7)


def test_a_gradient_that_was_handed_out_is_not_handed_out_again():
    loss = FusedCrossEntropy()(*case(2, 3, 4, 6, seed=1)).loss
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_nothing_but_padding_costs_nothing():
    features, weight, target = case(2, 3, 4, 6, seed=1)
    sums, gradients = outcome(FusedCrossEntropy(), features, weight, torch.full_like(target, 1))
    assert sums.loss == sums.nll == 0
    assert all(not gradient.any() for gradient in gradients)


@pytest.mark.parametrize("shared", [True, False])
def test_inside_the_model_tied_or_not_it_gives_the_plain_losss_gradients_also_accumulated(make_config, shared):
    model = Transformer(make_config(share_all_embeddings=shared, share_decoder_input_output_embed=shared))
    model.double().eval()
    source, previous = torch.randint(4, 19, (3, 5)), torch.randint(4, 19, (3, 4))
    target = torch.tensor([[5, 6, 2, 1], [7, 2, 1, 1], [8, 9, 10, 2]])
    gradients = []
    for rule in (SmoothedCrossEntropy(), FusedCrossEntropy(chunk=2)):
        model.zero_grad()
        for _ in range(2):
            model(source, None, previous, target=target, loss=rule).loss.backward()
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, rtol=1e-9, atol=1e-10)


def test_under_autocast_products_are_in_bfloat16_and_sums_in_float32():
    features, weight, target = case(4, 50, 64, 500, seed=3, dtype=torch.float32)
    plain, expected = outcome(SmoothedCrossEntropy(), features, weight, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        fused, found = outcome(FusedCrossEntropy(chunk=16), features, weight, target)
    assert fused.loss.dtype == fused.nll.dtype == torch.float32
    torch.testing.assert_close(fused.loss, plain.loss, rtol=1e-3, atol=0.0)
    torch.testing.assert_close(fused.nll, plain.nll, rtol=1e-3, atol=0.0)
    assert not fused.loss.equal(fused.nll)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype == torch.float32
        assert torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.999


class Largest(TorchDispatchMode):
    """The most numbers that any tensor held."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
        return result


def test_no_tensor_has_tokens_times_vocabulary_numbers():
    features, weight, target = case(8, 40, 8, 3000, seed=5, dtype=torch.float32)
    largest = {}
    for name, rule in (("plain", SmoothedCrossEntropy()), ("fused", FusedCrossEntropy(chunk=16))):
        with Largest() as counted:
            outcome(rule, features, weight, target)
        largest[name] = counted.numbers
    assert largest["plain"] == 8 * 40 * 3000
    assert largest["fused"] == 16 * 3000


def test_without_gradients_none_are_formed():
    features, weight, target = case(2, 3, 4, 6, seed=1)
    with torch.no_grad():
        fused = FusedCrossEntropy(chunk=2)(features, weight, target)
    torch.testing.assert_close(fused.loss, SmoothedCrossEntropy()(features, weight, target).loss)


def test_half_precision_products_have_few_different_numbers_of_rows():
    seen = set()

    class Products(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if "mm" in str(function) and args[0].dtype is torch.bfloat16:
                seen.add(max(args[0].shape) if args[0].size(1) == 8 else args[0].size(1))
            return function(*args, **(kwargs or {}))

    for length in (7, 40, 61):
        features, weight, target = case(4, length, 8, 50, seed=5, dtype=torch.float32)
        with Products(), torch.autocast("cpu", dtype=torch.bfloat16):
            outcome(FusedCrossEntropy(), features, weight, target)
    assert {number for number in seen if number != 50} == {ROWS_ALIKE, 2 * ROWS_ALIKE}
