"""What holds for every rival: no later target is seen, padding changes nothing, a step at a time gives the same."""

from __future__ import annotations

import pytest
import torch
from small_rivals import NAMES, PAD, VOCABULARY, batch, make, sentences, shifted

from aat_plugin.errors import ConfigError
from aat_plugin.rivals import State

EXACT = dict(rtol=0, atol=1e-11)
SOURCES, TARGETS = sentences([7, 3, 5], 1), sentences([4, 9, 6], 2)


@pytest.fixture(params=NAMES)
def model(request):
    return make(request.param)


def test_no_output_sees_a_later_target_and_each_sees_the_last(model):
    source, target = batch(SOURCES), shifted(TARGETS, width=9)
    target = torch.where(target == PAD, torch.tensor(5), target)
    logits, _ = model(source, target)
    for place in (1, 4, 8):
        changed = target.clone()
        changed[:, place] = (changed[:, place] + 3) % (VOCABULARY - 4) + 4
        after, _ = model(source, changed)
        torch.testing.assert_close(after[:, :place], logits[:, :place], **EXACT)
        assert not torch.allclose(after[:, place], logits[:, place]), "an output depends on what was said before it"


def test_every_token_of_the_source_matters(model):
    source, target = batch(SOURCES[:1]), shifted(TARGETS[:1])
    logits, _ = model(source, target)
    for place in range(source.size(1)):
        changed = source.clone()
        changed[:, place] = (changed[:, place] + 3) % (VOCABULARY - 4) + 4
        assert not torch.allclose(model(changed, target)[0], logits)


@pytest.mark.parametrize("left", [True, False], ids=["left", "right"])
def test_padding_on_either_side_and_company_change_nothing(model, left):
    source, target = batch(SOURCES, left=left, width=12), shifted(TARGETS, left=left, width=13)
    together, attention = model(source, target)
    for row, (one, other) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        alone, weights = model(batch([one]), shifted([other]))
        columns = slice(13 - len(other), 13) if left else slice(0, len(other))
        torch.testing.assert_close(together[row, columns], alone[0], **EXACT)
        if weights is not None:
            read = slice(12 - len(one), 12) if left else slice(0, len(one))
            torch.testing.assert_close(attention[row, columns, read], weights[0], **EXACT)
            torch.testing.assert_close(attention[row, columns].sum(1), torch.ones(len(other)).double(), **EXACT)


@pytest.mark.parametrize("steps", [(1,) * 9, (4, 1, 1, 3)], ids=["one by one", "in pieces"])
def test_decoding_a_step_at_a_time_is_decoding_at_once(model, steps):
    source, target = model.encoder.encode(batch(SOURCES, left=True)), shifted(TARGETS)
    whole = model.decoder.decode(target, source)
    state, features, attention = State(), [], []
    for stop in torch.tensor(steps).cumsum(0).tolist():
        decoded = model.decoder.decode(target[:, :stop], source, state)
        features.append(decoded.features)
        attention.append(decoded.attention)
    torch.testing.assert_close(torch.cat(features, 1), whole.features, **EXACT)
    if whole.attention is not None:
        torch.testing.assert_close(torch.cat(attention, 1), whole.attention, **EXACT)


def test_rows_that_are_reordered_repeated_and_dropped_go_on_as_the_ones_they_were(model):
    source, target = model.encoder.encode(batch(SOURCES, left=True)), shifted([row[:4] for row in TARGETS])
    state, rows = State(), torch.tensor([2, 0, 2, 2])
    model.decoder.decode(target, source, state)
    state.reorder(rows)
    longer = torch.cat([target[rows], torch.tensor([[7], [8], [9], [10]])], dim=1)
    decoded = model.decoder.decode(longer, source.select(rows), state)
    expected = model.decoder.decode(longer, source.select(rows))
    torch.testing.assert_close(decoded.features, expected.features[:, 4:], **EXACT)


def test_a_gradient_reaches_every_parameter(model):
    model.train()
    logits, _ = model(batch(SOURCES), shifted(TARGETS))
    logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_dropout_is_for_training_alone(model):
    source, target = batch(SOURCES), shifted(TARGETS)
    torch.testing.assert_close(model(source, target)[0], model(source, target)[0], rtol=0, atol=0)
    model.train()
    assert not torch.allclose(model(source, target)[0], model(source, target)[0])


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_one_where_dictionaries_are_and_apart_where_not(name):
    together, apart = make(name), make(name, share_all_embeddings=False, source_vocabulary=31)
    assert together.encoder.embed_tokens.weight is together.decoder.output_projection.weight
    assert apart.encoder.embed_tokens.weight.shape == (31, 8)
    assert apart.decoder.embed_tokens.weight is apart.decoder.output_projection.weight
    assert apart(batch(SOURCES), shifted(TARGETS))[0].shape[-1] == VOCABULARY
    untied = make(name, share_all_embeddings=False, share_decoder_input_output_embed=False)
    assert untied.decoder.embed_tokens.weight is not untied.decoder.output_projection.weight


@pytest.mark.parametrize(("name", "wrong", "said"), [
    ("gru", {"hidden_size": 7}, "hidden_size=7 is odd"),
    ("gru", {"encoder_layers": 0}, "encoder_layers=0 must be at least 1"),
    ("bytenet", {"embed_dim": 7}, "embed_dim=7 is odd"),
    ("bytenet", {"kernel_size": 2}, "kernel_size=2 is even"),
    ("bytenet", {"block": "gelu"}, "gelu"),
    ("extended_neural_gpu", {"kernel_size": 4}, "kernel_size=4 is even"),
    ("memory_network", {"dropout": 1.0}, r"dropout=1\.0 must be in"),
    ("memory_network", {"source_vocabulary": 31}, "share_all_embeddings needs one joint dictionary"),
    ("memory_network", {"share_decoder_input_output_embed": False}, "share_all_embeddings includes"),
])  # fmt: skip
def test_a_wrong_size_is_named_before_anything_is_built(name, wrong, said):
    with pytest.raises(ConfigError, match=said):
        make(name, **wrong)
