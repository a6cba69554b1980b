"""The CGRU and the output tape in NumPy, one cell at a time, beside the module."""

from __future__ import annotations

import numpy as np
import pytest
from small_rivals import batch, make, sentences, shifted


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(image, weight, bias):
    """(maps, rows, columns) * (out, maps, rows, columns), zero outside."""
    _, height, width = image.shape
    reach = [size // 2 for size in weight.shape[2:]]
    padded = np.pad(image, ((0, 0), (reach[0], reach[0]), (reach[1], reach[1])))
    out = np.empty((weight.shape[0], height, width))
    for row in range(height):
        for column in range(width):
            seen = padded[:, row : row + weight.shape[2], column : column + weight.shape[3]]
            out[:, row, column] = np.tensordot(weight, seen, axes=3) + bias
    return out


def cgru(p, name, memory, tape=None):
    beside = [] if tape is None else [tape]
    gates = sigmoid(convolve(np.concatenate([memory, *beside]), p[f"{name}.gates.weight"], p[f"{name}.gates.bias"]))
    update, reset = np.split(gates, 2)
    candidate = np.tanh(convolve(
        np.concatenate([reset * memory, *beside]), p[f"{name}.candidate.weight"], p[f"{name}.candidate.bias"]))
    return update * memory + (1 - update) * candidate


@pytest.mark.parametrize(("columns", "length"), [(1, 4), (2, 5), (3, 9)])
def test_the_forward_pass_is_the_papers(columns, length):
    model = make("extended_neural_gpu", memory_width=columns, length_ratio=1.5)
    p = {key: value.detach().numpy() for key, value in model.state_dict().items()}
    [source], [target] = sentences([4], 1), sentences([length], 2)
    table, scale, height = p["encoder.embed_tokens.weight"], np.sqrt(8), 6
    memory, tape = np.zeros((8, height, columns)), np.zeros((8, height, columns))
    for row, token in enumerate(source):
        memory[:, row, 0] = table[token] * scale
    for _ in source:
        for number in range(2):
            memory = cgru(p, f"encoder.units.{number}", memory)
    expected = []
    for place in range(length):
        if place:
            tape[:, (place - 1) % height, 0] = table[target[place - 1]] * scale
        for number in range(2):
            memory = cgru(p, f"decoder.units.{number}", memory, tape)
        expected.append(p["decoder.readout.weight"] @ memory[:, place % height, 0] + p["decoder.readout.bias"])
    logits, attention = model(batch([source]), shifted([target]))
    assert attention is None
    np.testing.assert_allclose(logits[0].detach().numpy(), np.array(expected) @ table.T, rtol=0, atol=1e-11)


def test_gates_are_open_at_first():
    for unit in make("extended_neural_gpu").decoder.units:
        assert unit.gates.bias.mean().item() == pytest.approx(1, abs=0.2)
