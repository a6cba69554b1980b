"""Section 3 of the paper, as plain PyTorch: no fairseq, no configuration framework.

Read in the paper's order: `stacks` (3.1), `attention` and `masks` (3.2), `feed_forward` (3.3), `embeddings` (3.4),
`positional_encoding` (3.5), `transformer` (Figure 1). `cache` holds what incremental decoding keeps, `cost` counts
parameters and operations. The names below are imported when they are first asked for, so that `config` and `cost` are
there without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_PLACES = {
    "DecodingCache": "cache",
    "EncoderOutput": "stacks",
    "FeatureLoss": "transformer",
    "Transformer": "transformer",
    "TransformerConfig": "config",
    "TransformerDecoder": "stacks",
    "TransformerEncoder": "stacks",
    "default_head_width": "config",
}


def __getattr__(name: str) -> object:
    """Import what `name` is the first time that it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
