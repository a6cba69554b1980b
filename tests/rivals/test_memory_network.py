"""Hops over the memory in NumPy, one target's place at a time, beside the module."""

from __future__ import annotations

import numpy as np
from small_rivals import batch, make, sentences, shifted


def test_the_forward_pass_is_the_papers():
    model = make("memory_network")
    p = {key: value.detach().numpy() for key, value in model.state_dict().items()}
    [source], [target] = sentences([5], 1), sentences([6], 2)
    table, scale = p["encoder.embed_tokens.weight"], np.sqrt(8)
    addresses = [table[token] * scale + p["encoder.address_places"][i] for i, token in enumerate(source)]
    contents = [p["encoder.contents.weight"][token] * scale + p["encoder.content_places"][i]
                for i, token in enumerate(source)]  # fmt: skip
    read, inputs = [], [2, *target[:-1]]
    for place in range(len(inputs)):
        u = p["decoder.query_places"][place].copy()
        for back in range(min(3, place + 1)):
            u += table[inputs[place - back]] * scale * p["decoder.distances"][back]
        for _ in range(3):
            scores = np.array([u @ m for m in addresses]) / np.sqrt(8)
            weight = np.exp(scores) / np.exp(scores).sum()
            u = p["decoder.carry.weight"] @ u + sum(w * c for w, c in zip(weight, contents, strict=True))
            u[4:] = np.maximum(u[4:], 0)
        u = (u - u.mean()) / np.sqrt(u.var() + 1e-5)
        read.append(u * p["decoder.last_norm.weight"] + p["decoder.last_norm.bias"])
    logits, attention = model(batch([source]), shifted([target]))
    np.testing.assert_allclose(logits[0].detach().numpy(), np.array(read) @ table.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(attention[0, -1].detach().numpy(), weight, rtol=0, atol=1e-12)


def test_a_query_forgets_what_left_its_window():
    model = make("memory_network")
    source, target = batch(sentences([5], 1)), shifted(sentences([8], 2))
    changed = target.clone()
    changed[:, 1] = (changed[:, 1] + 3) % 19 + 4
    differs = (model(source, target)[0] - model(source, changed)[0]).abs().sum(dim=2)[0] > 1e-9
    assert differs.tolist() == [False, True, True, True, False, False, False, False]
