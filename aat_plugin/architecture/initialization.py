"""How parameters start. The paper is silent, so the dialects' two ways are named: `conventions`, row initialization."""

from __future__ import annotations

import math

from torch import Tensor, nn

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.config import TransformerConfig


def initialize(model: nn.Module, config: TransformerConfig) -> None:
    """Set every parameter but the token embeddings, which start as Normal(0, d_model^-0.5) where they are made.

    "glorot" is tensor2tensor's: uniform, fan_avg, gain 1 for every matrix, biases 0. "fairseq" gives Q, K and V a gain
    of 1/sqrt(2), W^O a gain of 1 and a zero bias, and leaves the rest to torch's default for linear layers.
    An untied pre-softmax matrix starts as the embeddings do.
    """
    for name, module in model.named_modules():
        if name.endswith("output_projection"):
            if not config.share_decoder_input_output_embed:
                nn.init.normal_(_weight(module), mean=0.0, std=config.d_model**-0.5)
        elif config.initialization == "fairseq":
            if isinstance(module, MultiHeadAttention):
                _fairseq_attention(module)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif name.endswith("target_space"):
            nn.init.normal_(_weight(module), mean=0.0, std=config.d_model**-0.5)


def _weight(module: nn.Module) -> Tensor:
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight


def _fairseq_attention(attention: MultiHeadAttention) -> None:
    for projection in (attention.k_proj, attention.v_proj, attention.q_proj):
        nn.init.xavier_uniform_(projection.weight, gain=1 / math.sqrt(2))
    nn.init.xavier_uniform_(attention.out_proj.weight)
    if attention.out_proj.bias is not None:
        nn.init.zeros_(attention.out_proj.bias)
