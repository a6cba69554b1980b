"""ByteNet's blocks in NumPy, one place at a time, beside the module; and what is particular to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_rivals import batch, make, sentences, shifted

from aat_plugin.rivals import ByteNetConfig


def norm(x, weight, bias):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * weight + bias


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def block(p, name, rows, dilation, *, masked, multiplicative):
    """A residual block over rows (length, 2d); a place outside is zero."""
    def of(part):
        return p[f"{name}.{part}.weight"], p[f"{name}.{part}.bias"]

    def linear(part, x):
        weight, bias = of(part)
        return weight @ x + bias

    narrow = [relu(norm(linear("reduce", relu(norm(x, *of("norms.0")))), *of("norms.1"))) for x in rows]
    offsets = (-2, -1, 0) if masked else (-1, 0, 1)
    out = []
    for place, x in enumerate(rows):
        at = [place + offset * dilation for offset in offsets]
        seen = np.concatenate([narrow[k] if 0 <= k < len(rows) else np.zeros_like(narrow[0]) for k in at])
        y = linear("convolve", seen)
        if multiplicative:
            g1, g2, g3, u = np.split(y, 4)
            centre = narrow[place]
            y = sigmoid(g1) * np.tanh(sigmoid(g2) * centre + sigmoid(g3) * np.tanh(u))
        out.append(x + linear("expand", relu(norm(y, *of("norms.2")))))
    return out


@pytest.mark.parametrize("name", ["bytenet", "bytenet_mu"])
def test_the_forward_pass_is_the_papers(name):
    model = make(name)
    p = {key: value.detach().numpy() for key, value in model.state_dict().items()}
    config, mu = model.config, name.endswith("mu")
    [source], [target] = sentences([6], 1), sentences([11], 2)
    table, scale = p["encoder.embed_tokens.weight"], np.sqrt(8)
    length = max(int(np.ceil(config.length_ratio * len(source) + config.length_offset)), len(source))
    rows = [table[token] * scale for token in source] + [np.zeros(8)] * (length - len(source))
    for number, dilation in enumerate([1, 2, 4, 1][: config.encoder_blocks] if not mu else [1, 2, 4]):
        rows = block(p, f"encoder.blocks.{number}", rows, dilation, masked=False, multiplicative=mu)
    columns = [p["encoder.join.weight"] @ row for row in rows] + [np.zeros(8)] * len(target)
    rows = [table[token] * scale + column for token, column in zip([2, *target[:-1]], columns, strict=False)]
    for number, dilation in enumerate([1, 2, 4, 1, 2] if not mu else [1, 2, 4]):
        rows = block(p, f"decoder.blocks.{number}", rows, dilation, masked=True, multiplicative=mu)
    read = [p["decoder.readout.weight"] @ relu(norm(x, p["decoder.last_norm.weight"], p["decoder.last_norm.bias"]))
            + p["decoder.readout.bias"] for x in rows]  # fmt: skip
    logits, attention = model(batch([source]), shifted([target]))
    assert attention is None
    np.testing.assert_allclose(logits[0].detach().numpy(), np.array(read) @ table.T, rtol=0, atol=1e-11)


def test_dilations_double_up_to_the_largest_and_begin_again():
    config = ByteNetConfig(source_vocabulary=9, target_vocabulary=9)
    assert config.dilations(7) == [1, 2, 4, 8, 16, 1, 2]


def test_a_target_longer_than_the_encoders_columns_goes_on_without_them():
    model = make("bytenet", length_ratio=1.0, length_offset=0.0)
    source, target = batch(sentences([3], 1)), shifted(sentences([12], 2))
    logits, _ = model(source, target)
    assert model.encoder.encode(source).tensors[0].size(1) == 3
    assert logits.shape[1] == 12
    assert torch.isfinite(logits).all()
