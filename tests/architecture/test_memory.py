"""What is added up of a model without contents, against what a real one's autograd keeps."""

from __future__ import annotations

import pytest
import torch

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.architecture.cost import parameters
from aat_plugin.architecture.memory import PRECISIONS, saved_bytes, training_memory

SIZES = dict(num_layers=2, d_model=32, d_ff=64, num_heads=4, d_k=8, d_v=8, dropout=0.1)
SHAPE = (3, 11, 13)


def really_saved(config, shape, half):
    """Bytes behind what autograd saves in a real forward pass, each storage once, without the parameters'."""
    rows, source, target = shape
    model = Transformer(config).train()
    kept = {}
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda one: kept.setdefault(id(one), one), lambda one: one)
    with hooks, torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        tokens = [torch.randint(4, 50, (rows, length)) for length in (source, target)]
        model.decoder.decode(tokens[1], model.encoder.encode(tokens[0]))
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in kept.values()}
    return sum(size for place, size in sizes.items() if place not in own)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_what_is_saved_without_contents_is_what_is_saved_with_them(precision):
    config = TransformerConfig(50, 50, **SIZES)
    real = really_saved(config, SHAPE, half=precision == "bf16")
    assert saved_bytes(config, SHAPE, precision) == pytest.approx(real, rel=0.05)


def test_float32_is_the_formula_of_the_sub_layers():
    """Inputs of products, dropout's draws, sums before norms, attention's weights: counted by hand."""
    rows, source, target = SHAPE
    n, d, inner, heads = SIZES["num_layers"], SIZES["d_model"], SIZES["d_ff"], 4 * 8
    per_source, per_target = n * (6 * d + inner + 4 * heads) + d, n * (9 * d + inner + 6 * heads) + d
    squares = n * rows * 4 * (source**2 + target**2 + source * target)
    at_least = 4 * (rows * (source * (per_source + n * 2 * heads) + target * per_target) + squares)
    found = saved_bytes(TransformerConfig(50, 50, **SIZES), SHAPE)
    assert found == pytest.approx(at_least, rel=0.03)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_parts_in_each_precision(precision):
    config = TransformerConfig(500, 500, **SIZES)
    count, memory = parameters(config).total, training_memory(config, SHAPE, precision=precision)
    width, state = (2, 16) if precision in ("fp16", "bf16_model") else (4, 8)
    assert (memory.weights, memory.gradients, memory.optimizer) == (width * count, width * count, state * count)
    assert memory.total == sum((memory.weights, memory.gradients, memory.optimizer, memory.activations, memory.logits))


def test_a_gpu_keeps_a_byte_for_what_dropout_drops_and_the_fused_loss_few_logits():
    config = TransformerConfig(500, 500, **SIZES)
    rows, source, target = SHAPE
    here, there = (training_memory(config, SHAPE, on_gpu=one).activations for one in (False, True))
    assert here - there == 3 * rows * 32 * (source * 5 + target * 7)
    whole, fused = (training_memory(config, SHAPE, logit_rows=rows_).logits for rows_ in (None, 8))
    assert whole == 3 * 4 * rows * target * 500
    assert fused == 4 * (2 * 8 * 500 + 500 * 32)


def test_half_precision_keeps_less_between_forward_and_backward():
    config = TransformerConfig(500, 500, **{**SIZES, "d_model": 256, "d_ff": 1024, "d_k": 64, "d_v": 64})
    found = {one: training_memory(config, (30, 50, 50), precision=one).activations for one in PRECISIONS}
    assert found["fp16"] == found["bf16_model"] < found["bf16"] == found["amp"] < found["float32"]
