"""Section 3.1 and Figure 1: norms, layers and the whole model in float64, gradients, causality."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from compared import hold, of_section
from hypothesis import given, settings
from hypothesis import strategies as st

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.conformance import reference
from aat_plugin.conformance.comparisons import largest
from aat_plugin.conformance.section_3 import PAD, padded, randomised, sentence
from aat_plugin.conventions import DIALECTS, resolve

VARIANTS = {
    "tied": {},
    "untied": {"share_all_embeddings": False, "share_decoder_input_output_embed": False},
    "partly tied": {"share_all_embeddings": False},
    "learned positions": {"learned_positions": True},
    "positions from 5": {"first_position": 5},
    "pre-norm": {"normalize_before": True},
    "a last norm after post-norm": {"final_norm": "always"},
    "pre-norm without a last norm": {"normalize_before": True, "final_norm": "never"},
    "the next word given": {"counted_symbols": (4, 7, 8, 12)},
}

def sentences(lengths):
    """Random ids above the special symbols, one list for each length."""
    return [sentence(length) for length in lengths]


@pytest.mark.parametrize("comparison", of_section("3.1"))
def test_the_layers_and_the_model_are_the_papers(comparison):
    hold(comparison)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000), dialect=st.sampled_from(DIALECTS), layers=st.integers(1, 2), heads=st.integers(1, 3),
    widths=st.tuples(st.integers(1, 6), st.integers(1, 6)), half=st.integers(2, 6), inner=st.integers(1, 15),
    lengths=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=3),
    left=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
def test_any_sizes_and_any_padded_batch_equal_the_restated_model(
    seed, dialect, layers, heads, widths, half, inner, lengths, left
):
    torch.manual_seed(seed)
    config = TransformerConfig(11, 11, num_layers=layers, d_model=2 * half, d_ff=inner, num_heads=heads, d_k=widths[0],
                               d_v=widths[1], **resolve(dialect, "model", {}))  # fmt: skip
    model = randomised(Transformer(config))
    pairs = [(torch.randint(4, 11, (n,)).tolist(), torch.randint(4, 11, (m,)).tolist()) for n, m in lengths]
    sources, targets = (padded([pair[side] for pair in pairs], left[side]) for side in (0, 1))
    logits, _ = model(sources, None, targets)
    named = reference.parameters_of(model)
    assert largest(
        (logits[row][targets[row].ne(PAD)], reference.transformer(named, config, source, target))
        for row, (source, target) in enumerate(pairs)
    ) < 1e-10  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(2, 8))
def test_no_position_sees_a_later_target(seed, cut, length):
    torch.manual_seed(seed)
    config = TransformerConfig(19, 19, 2, 12, 20, 3, 5, 7)
    model = Transformer(config).double().eval()
    cut = min(cut, length - 1)
    source, first, second = (torch.randint(4, 19, (1, length)) for _ in range(3))
    second[:, :cut] = first[:, :cut]
    one, _ = model(source, None, first)
    two, _ = model(source, None, second)
    torch.testing.assert_close(one[:, :cut], two[:, :cut], rtol=0, atol=0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_whole_forward_equals_numpy_in_float64(make_config, make_model, dialect, variant):
    config = make_config(dialect, **VARIANTS[variant])
    model = make_model(config)
    sources, targets = sentences([3, 7, 5]), sentences([6, 2, 4])
    logits, _ = model(padded(sources), None, padded(targets))
    assert logits.dtype == torch.float64
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        expected = reference.transformer(reference.parameters_of(model), config, source, target)
        np.testing.assert_allclose(logits[row, : len(target)].detach().numpy(), expected, rtol=0, atol=1e-10)


def test_gradients_equal_finite_differences(make_config, make_model, dialect):
    model = make_model(make_config(dialect))
    source, target = padded(sentences([3, 2])), padded(sentences([2, 3]))

    def total() -> torch.Tensor:
        logits, _ = model(source, None, target)
        return logits[target.ne(1)].log_softmax(-1).square().mean()

    total().backward()
    generator = np.random.default_rng(0)
    for name, parameter in model.named_parameters():
        index = tuple(int(generator.integers(size)) for size in parameter.shape)
        if name.endswith("embed_tokens.weight"):
            index = (int(source[0, 0]), index[1])
        step = 1e-5
        with torch.no_grad():
            parameter[index] += step
            above = total()
            parameter[index] -= 2 * step
            below = total()
            parameter[index] += step
        assert float((above - below) / (2 * step)) == pytest.approx(float(parameter.grad[index]), rel=1e-5, abs=1e-8)
