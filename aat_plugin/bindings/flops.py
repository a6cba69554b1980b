"""What training a checkpoint's model costs a target token, in floating-point operations (Table 2's last columns).

Our Transformer's are counted by `architecture.cost`'s formula. Of another model a forward pass is run over random
tokens, and torch counts its matrix products; a test holds the two ways together. Both take a backward pass as two
forward ones, and leave out norms, activations and looking up embeddings.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import MODEL_REGISTRY, FairseqEncoderDecoderModel, build_model
from fairseq.models.fconv import FConvModel
from fairseq.models.lstm import LSTMModel
from fairseq.models.transformer import TransformerModelBase
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from aat_plugin import bindings
from aat_plugin.architecture.cost import operations
from aat_plugin.bindings.checkpoint_reading import read_checkpoint
from aat_plugin.bindings.model import AatTransformerModel
from aat_plugin.bindings.rivals import FairseqRival
from aat_plugin.bindings.saved_model import stored_config

LENGTH = 30
"""Tokens of each side's sentences: a typical one of WMT14, as in Table 2's count."""
SENTENCES = 2
COUNTED = (FairseqRival, LSTMModel, FConvModel, TransformerModelBase)


def training_flops(checkpoint: Path) -> float | None:
    """Operations of an update, forward and backward, a target token, in sentences of `LENGTH` tokens.

    Returns:
        None for a model whose count was never held against a formula.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    bindings.register()
    state = read_checkpoint(str(checkpoint), map_only=zipfile.is_zipfile(checkpoint))
    section: Any = (state.get("cfg") or {}).get("model")
    kind = MODEL_REGISTRY.get(str(section.get("_name"))) if isinstance(section, Mapping) else None
    if kind is None or not issubclass(kind, (AatTransformerModel, *COUNTED)):
        return None
    if issubclass(kind, AatTransformerModel):
        if not kind.complete:
            return None
        config = stored_config(checkpoint, section, state["model"])
        return operations(config, LENGTH, LENGTH, LENGTH).update / LENGTH
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of fairseq's models is no news to who compares them
        return 3 * forward_flops(_built(section, state["model"])) / (SENTENCES * LENGTH)


def forward_flops(model: FairseqEncoderDecoderModel) -> float:
    """Operations of the matrix products of one forward pass over `SENTENCES` sentences of `LENGTH` tokens."""
    tokens = torch.randint(4, len(model.decoder.dictionary), (SENTENCES, LENGTH))
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.conv_tbc: _conv_tbc})
    # The counter does not see into what is taken in one piece: in evaluation fairseq's layers, an LSTM by oneDNN, and
    # attention on a processor.
    model.train()
    plain = torch.backends.mkldnn.flags(enabled=False, allow_tf32=False)
    with plain, sdpa_kernel(SDPBackend.MATH), counter:
        model(tokens, torch.full((SENTENCES,), LENGTH), tokens)
    return float(counter.get_total_flops())


def _conv_tbc(values: Any, weight: Any, bias: Any, pad: int = 0, *, out_shape: Any = None, **_: Any) -> int:
    """A convolution over (time, batch, channels); weight (kernel, in, out)."""
    return 2 * math.prod(out_shape) * math.prod(weight[:2])


@dataclass
class _Task:
    """What building a model asks of a task."""

    source_dictionary: Dictionary
    target_dictionary: Dictionary

    def max_positions(self) -> tuple[int, int]:
        """(source, target)."""
        return 1024, 1024


def _built(section: Mapping[str, Any], weights: Mapping[str, Tensor]) -> FairseqEncoderDecoderModel:
    """A checkpoint's model with new weights, over dictionaries of as many symbols as it has embeddings."""
    rows = [next(one.size(0) for name, one in weights.items() if name.startswith(side) and
                 name.endswith("embed_tokens.weight")) for side in ("encoder", "decoder")]  # fmt: skip
    source = _symbols(rows[0])
    task = _Task(source, source if rows[0] == rows[1] else _symbols(rows[1]))
    model: FairseqEncoderDecoderModel = build_model(OmegaConf.create(dict(section)), task, from_checkpoint=True)
    return model


def _symbols(size: int) -> Dictionary:
    made = Dictionary()
    for number in range(size - len(made)):
        made.add_symbol(str(number))
    return made
