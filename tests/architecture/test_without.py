"""What is left when a part is taken out: each against the same model with that part undone in another way."""

from __future__ import annotations

import math

import pytest
import torch

from aat_plugin.architecture.attention_record import AttentionRecord
from aat_plugin.architecture.ways import Ways
from aat_plugin.architecture.without import PARTS, remove
from aat_plugin.errors import ConfigError

PAD = 1
SOURCE = torch.tensor([[5, 7, 9, 4, 2], [6, 8, 2, PAD, PAD]])
TARGET = torch.tensor([[2, 5, 6, 7], [2, 9, 5, PAD]])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("dialect", ["paper", "t2t_head"])
def test_every_part_was_there_and_is_missed(make_config, make_model, part, dialect):
    model = make_model(make_config(dialect))
    before, _ = model(SOURCE, None, TARGET)
    remove(model, part)
    after, _ = model(SOURCE, None, TARGET)
    assert after.isfinite().all()
    assert (after[0] - before[0]).abs().max() > 1e-3


@pytest.mark.parametrize("part", PARTS)
def test_it_is_missed_where_a_loss_is_computed_too(make_config, make_model, part):
    model = make_model(make_config(d_k=5, d_v=5))
    model.go(Ways(unpadded=True, quick_dropout=True))  # as training goes on a processor
    remove(model, part)
    logits, _ = model(SOURCE, None, TARGET)
    trained = model(SOURCE, None, TARGET, TARGET, loss=lambda features, weight, target: features @ weight.T)
    real = TARGET.ne(PAD)
    torch.testing.assert_close(trained[real], logits[real], rtol=0, atol=1e-10)


def test_without_the_scale_queries_are_longer_by_the_root_of_d_k(make_config, make_model):
    model, other = (make_model(make_config()) for _ in range(2))
    other.load_state_dict(model.state_dict())
    remove(model, "scale")
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if "q_proj" in name:
                parameter.mul_(math.sqrt(5))  # d_k of the fixture
    torch.testing.assert_close(model(SOURCE, None, TARGET)[0], other(SOURCE, None, TARGET)[0], rtol=0, atol=1e-10)


def test_without_the_mask_a_position_sees_later_ones_but_no_padding(make_config, make_model):
    model = make_model(make_config())
    remove(model, "mask")
    record = AttentionRecord()
    model(SOURCE, None, TARGET, record=record)
    assert all((one[0] > 0).all() for one in record.decoder_self)
    assert all((one[1, :, :, 3] == 0).all() for one in record.decoder_self)


def test_without_positions_the_order_of_the_source_is_nothing(make_config, make_model):
    model = make_model(make_config())
    shuffled = SOURCE[:1, [2, 0, 3, 1, 4]]
    assert not torch.allclose(model(SOURCE[:1], None, TARGET[:1])[0], model(shuffled, None, TARGET[:1])[0])
    remove(model, "positions")
    torch.testing.assert_close(
        model(SOURCE[:1], None, TARGET[:1])[0], model(shuffled, None, TARGET[:1])[0], rtol=0, atol=1e-10
    )


def test_without_residuals_a_layer_is_its_sublayers_alone(make_config, make_model):
    model = make_model(make_config())
    layer = model.encoder.layers[0]
    remove(model, "residual")
    x, mask = torch.randn(1, 4, 12, dtype=torch.float64), torch.zeros(1, 1, 1, 4, dtype=torch.bool)
    attended = layer.self_attn_layer_norm(layer.self_attn(x, *layer.self_attn.project_memory(x), mask)[0])
    torch.testing.assert_close(layer(x, mask), layer.final_layer_norm(layer.feed_forward(attended)), rtol=0, atol=1e-12)


def test_without_norms_their_parameters_are_gone_too(make_config, make_model):
    model = make_model(make_config("t2t_head"))
    remove(model, "norm")
    assert not [name for name in model.state_dict() if "norm" in name]


def test_another_part_is_named(make_config, make_model):
    with pytest.raises(ConfigError, match="did you mean 'mask'"):
        remove(make_model(make_config()), "masks")
