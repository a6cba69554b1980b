"""Section 3 of the paper, as plain PyTorch: no fairseq, no configuration framework.

Read in the paper's order: `stacks` (3.1), `attention` and `masks` (3.2), `feed_forward` (3.3), `embeddings` (3.4),
`positional_encoding` (3.5), `transformer` (Figure 1). `cache` holds what incremental decoding keeps.
"""

from aat_plugin.architecture.cache import DecodingCache
from aat_plugin.architecture.config import TransformerConfig, default_head_width
from aat_plugin.architecture.stacks import EncoderOutput, TransformerDecoder, TransformerEncoder
from aat_plugin.architecture.transformer import FeatureLoss, Transformer

__all__ = [
    "DecodingCache",
    "EncoderOutput",
    "FeatureLoss",
    "Transformer",
    "TransformerConfig",
    "TransformerDecoder",
    "TransformerEncoder",
    "default_head_width",
]
