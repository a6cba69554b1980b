"""`aat_conv` is fairseq's fconv, from a dataclass and without evaluating text."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
import toy_translation as toy
from fairseq.models import fconv
from omegaconf import OmegaConf

from aat_plugin.bindings.conv import AatConv, AatConvConfig, attention, layers
from aat_plugin.errors import ConfigError

SIZES = {
    "encoder_embed_dim": 16, "decoder_embed_dim": 16, "decoder_out_embed_dim": 12,
    "encoder_layers": "[(16, 3)] * 2 + [(24, 1)]", "decoder_layers": "[(16, 3), (24, 2)]", "dropout": 0.1,
    "max_source_positions": toy.LONGEST, "max_target_positions": toy.LONGEST,
}  # fmt: skip


def ours(**more):
    return AatConv.build_model(OmegaConf.structured(AatConvConfig(**{**SIZES, **more})), toy.Task())


@pytest.mark.parametrize("more", [
    {}, {"decoder_attention": "[True, False]"}, {"decoder_out_embed_dim": 16, "share_input_output_embed": True},
], ids=str)  # fmt: skip
def test_it_is_stocks_network_weight_for_weight(more):
    args = Namespace(**SIZES | more)
    fconv.base_architecture(args)
    torch.manual_seed(1)
    stock = fconv.FConvModel.build_model(args, toy.Task()).eval()
    torch.manual_seed(1)
    model = ours(**more).eval()
    assert list(model.state_dict()) == list(stock.state_dict())
    sample = toy.random_batch(6, 3)["net_input"]
    torch.testing.assert_close(model(**sample)[0], stock(**sample)[0], rtol=0, atol=0)


def test_the_defaults_are_stocks():
    args = Namespace()
    fconv.base_architecture(args)
    mine = vars(AatConvConfig())
    for name, value in vars(args).items():
        if name in mine:
            assert mine[name] == value, name


def test_layers_are_read_as_stock_writes_them():
    wmt = Namespace()
    fconv.fconv_wmt_en_de(wmt)
    assert layers("encoder_layers", wmt.encoder_layers) == [(512, 3)] * 9 + [(1024, 3)] * 4 + [(2048, 1)] * 2
    assert attention("True", 3) == [True] * 3
    assert attention("[True, False]", 2) == [True, False]


@pytest.mark.parametrize("text", [
    "__import__('os').system('true')", "[(16, 3)", "[(16,)]", "[]", "16", "[(16, 'x')]", "[(0, 3)]", "[[16, 3]]",
    "[(16, 3)] * 100000000",
])  # fmt: skip
def test_text_that_is_no_list_of_layers_is_refused_and_never_run(text):
    with pytest.raises(ConfigError, match="encoder_layers="):
        ours(encoder_layers=text)


@pytest.mark.parametrize(("more", "said"), [
    ({"decoder_attention": "[True]"}, "a list of 2"),
    ({"decoder_attention": "print(1)"}, "decoder_attention="),
    ({"share_input_output_embed": True}, "decoder_out_embed_dim=12 to be decoder_embed_dim=16"),
    ({"encoder_embed_dim": 8}, "encoder_embed_dim=8 must be decoder_embed_dim=16"),
])  # fmt: skip
def test_sizes_that_do_not_go_together_are_named(more, said):
    with pytest.raises(ConfigError, match=said):
        ours(**more)
