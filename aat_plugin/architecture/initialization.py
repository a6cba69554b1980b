"""How parameters start. The paper is silent, so the dialects' two ways are named: `conventions`, row initialization."""

from __future__ import annotations

import math

from torch import Tensor, nn

from aat_plugin.architecture.attention import MultiHeadAttention
from aat_plugin.architecture.config import TransformerConfig


def initialize(model: nn.Module, config: TransformerConfig) -> None:
    """Set every parameter but the token embeddings, which start as Normal(0, d_model^-0.5) where they are made.

    "glorot" is tensor2tensor's: uniform, fan_avg, gain 1 for every matrix, biases 0. "joined" is that with the fan of
    what its release projected in one: Q, K and V of self-attention, K and V over the source. "fairseq" gives Q, K and V
    a gain of 1/sqrt(2), W^O a gain of 1 and a zero bias, and leaves the rest to torch's default for linear layers.
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


    if config.initialization == "joined":
        for name, module in model.named_modules():
            if isinstance(module, MultiHeadAttention):
                _joined_projections(module, with_query=name.endswith("self_attn"))


def _joined_projections(attention: MultiHeadAttention, with_query: bool) -> None:
    """Uniform, fan_avg, over the rows of all the matrices that one product made."""
    joined = [attention.k_proj, attention.v_proj, *([attention.q_proj] if with_query else [])]
    rows = sum(projection.out_features for projection in joined)
    bound = math.sqrt(6.0 / (attention.k_proj.in_features + rows))
    for projection in joined:
        nn.init.uniform_(projection.weight, -bound, bound)


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
