"""Bahdanau et al.'s equations in NumPy, one token at a time, beside the module."""

from __future__ import annotations

import numpy as np
import torch
from small_rivals import batch, make, sentences, shifted


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    """Cho et al. 2014, with the reset gate after the product, as torch has it."""
    (xr, xz, xn), (hr, hz, hn) = np.split(w_ih @ x + b_ih, 3), np.split(w_hh @ h + b_hh, 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return (1 - z) * np.tanh(xn + r * hn) + z * h


def parameters(module):
    return {name: value.detach().numpy() for name, value in module.named_parameters()}


def test_the_forward_pass_is_the_papers():
    model = make("gru", encoder_layers=1, decoder_layers=1)
    [source], [target] = sentences([5], 1), sentences([4], 2)
    e, d = parameters(model.encoder), parameters(model.decoder)
    scale, half = np.sqrt(8), 3
    states = np.zeros((len(source), 2 * half))
    for direction, suffix in ((range(len(source)), "l0"), (reversed(range(len(source))), "l0_reverse")):
        columns = slice(half, None) if suffix.endswith("reverse") else slice(0, half)
        weights = [e[f"gru.{kind}_{suffix}"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = np.zeros(half)
        for place in direction:
            h = gru_step(e["embed_tokens.weight"][source[place]] * scale, h, *weights)
            states[place, columns] = h
    s = np.tanh(e["first_states.weight"] @ states[0, half:] + e["first_states.bias"])
    keys = states @ e["keys.weight"].T + e["keys.bias"]
    expected = []
    for token in [2, *target[:-1]]:
        y = e["embed_tokens.weight"][token] * scale
        scores = np.array([(d["score.weight"] @ np.tanh(d["query.weight"] @ s + key))[0] for key in keys])
        weight = np.exp(scores) / np.exp(scores).sum()
        found = weight @ states
        s = gru_step(np.concatenate([y, found]), s, *(d[f"cell.{kind}"] for kind in (
            "weight_ih", "weight_hh", "bias_ih", "bias_hh")))
        read = np.tanh(d["readout.weight"] @ np.concatenate([s, found, y]) + d["readout.bias"])
        expected.append(e["embed_tokens.weight"] @ read)
    logits, attention = model(batch([source]), shifted([target]))
    np.testing.assert_allclose(logits[0].detach().numpy(), np.array(expected), rtol=0, atol=1e-12)
    np.testing.assert_allclose(attention[0, -1].detach().numpy(), weight, rtol=0, atol=1e-12)


def test_layers_above_the_first_read_what_it_found_and_add_to_their_input():
    model = make("gru", decoder_layers=2)
    source, target = batch(sentences([5], 1)), shifted(sentences([4], 2))
    before = model(source, target)[0]
    with torch.no_grad():
        for parameter in model.decoder.upper.parameters():
            parameter.zero_()
        model.encoder.first_states.weight[6:] = 0  # the second layer's start
        model.encoder.first_states.bias[6:] = 0
    silent = model(source, target)[0]
    lower = make("gru", decoder_layers=1)
    lower.load_state_dict({name: value[:6] if "first_states" in name else value
                           for name, value in model.state_dict().items() if ".upper." not in name})  # fmt: skip
    torch.testing.assert_close(silent, lower(source, target)[0], rtol=0, atol=1e-12)
    assert not torch.allclose(before, silent)
