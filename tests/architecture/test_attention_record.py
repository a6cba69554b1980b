"""What a record holds: the weights that the outputs were made of, of every layer and head, and only when asked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aat_plugin.architecture.attention_record import AttentionRecord

PAD = 1
SOURCE = torch.tensor([[5, 7, 9, 4, 2], [6, 8, 2, PAD, PAD]])
TARGET = torch.tensor([[2, 5, 6, 7], [2, 9, 5, PAD]])


def recorded(model):
    record = AttentionRecord()
    out, _ = model(SOURCE, None, TARGET, record=record)
    return record, out


def restated(layer, x: torch.Tensor, padded: list[bool]) -> np.ndarray:
    """softmax(Q K^T / sqrt(d_k)) of each head, one sentence x (length, d_model), in NumPy. Section 3.2.1, Eq. 1."""
    heads = []
    query, key = (x.numpy() @ proj.weight.detach().numpy().T for proj in (layer.q_proj, layer.k_proj))
    width = query.shape[1] // layer.num_heads
    for head in range(layer.num_heads):
        part = slice(head * width, (head + 1) * width)
        scores = query[:, part] @ key[:, part].T / math.sqrt(width)
        scores[:, padded] = -np.inf
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        heads.append(powers / powers.sum(axis=1, keepdims=True))
    return np.stack(heads)


def test_the_first_layers_weights_are_equation_1_restated(make_config, make_model):
    model = make_model(make_config())
    record, _ = recorded(model)
    x, padding = model.encoder.embed(SOURCE)
    for row in range(2):
        expected = restated(model.encoder.layers[0].self_attn, x[row].detach(), padding[row].tolist())
        np.testing.assert_allclose(record.encoder_self[0][row].detach().numpy(), expected, atol=1e-12)


def test_every_layer_and_kind_is_there_and_each_row_is_a_distribution(make_config, make_model):
    record, _ = recorded(make_model(make_config()))
    shapes = {"encoder_self": (2, 3, 5, 5), "decoder_self": (2, 3, 4, 4), "cross": (2, 3, 4, 5)}
    for kind, shape in shapes.items():
        weights = getattr(record, kind)
        assert [tuple(one.shape) for one in weights] == [shape, shape]
        for one in weights:
            torch.testing.assert_close(one.sum(-1), torch.ones(shape[:-1], dtype=one.dtype))
    assert all(one.triu(1).eq(0).all() for one in record.decoder_self)  # nothing later is seen
    assert all(one[1, :, :, 3:].eq(0).all() for one in (*record.encoder_self, *record.cross))  # nor padding


@pytest.mark.parametrize("restricted", [None, 3])
def test_recording_changes_nothing_that_is_computed(make_config, make_model, restricted):
    model = make_model(make_config(restricted_attention=restricted))
    record, out = recorded(model)
    torch.testing.assert_close(out, model(SOURCE, None, TARGET)[0], rtol=0, atol=1e-12)
    if restricted:
        far = torch.ones(5, 5).triu(2).bool() | torch.ones(5, 5).tril(-2).bool()
        assert record.encoder_self[0][:, :, far].eq(0).all()
