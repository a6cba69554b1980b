"""`aat export ctranslate2`: a folder that CTranslate2 translates from, through its public specifications.

CTranslate2 takes positions as an explicit table (Section 3.5's, tensor2tensor's, learned ones), any ε, a zero start,
and biases where there are some. Read `ctranslate2_engine` next, which translates with it by our rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.converters import utils
from ctranslate2.specs import common_spec, model_spec, transformer_spec
from torch import Tensor

from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.products import LARGEST, SMALLER
from aat_plugin.bindings.dictionaries import Symbols, read_dictionaries
from aat_plugin.bindings.saved_model import read_model
from aat_plugin.errors import choose
from aat_plugin.export.places import check_folder, folder
from aat_plugin.export.reasons import require, unknown_choices
from aat_plugin.export.stock_weights import EXPRESSED, MOST_ROWS, position_rows

TARGET = "CTranslate2"
KINDS: tuple[str, ...] = tuple(model_spec.ACCEPTED_MODEL_TYPES)
"""What --quantization takes."""
LARGEST_OF = {8: LARGEST, 7: SMALLER}
"""Bits → the largest weight."""
SCALE = "_scale"
"""What CTranslate2 puts behind a weight's name to name its rows' scales."""
PADDING, BLANK = "<pad>", "<blank>"
"""fairseq's padding symbol, and CTranslate2's name for it."""


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        output: the folder.
        quantization: how the weights are stored.
        bytes: of everything in it.
    """

    output: Path
    quantization: str
    bytes: int


def reasons_against(config: TransformerConfig, dictionaries: tuple[Symbols, Symbols] | None = None) -> list[str]:
    """Every reason why CTranslate2 has no such model; empty where it has one."""
    reasons = unknown_choices(config, EXPRESSED, TARGET)
    if config.d_k != config.d_v:
        reasons.append(f"d_k={config.d_k} and d_v={config.d_v}: its heads have one width")
    for name in ("max_source_positions", "max_target_positions"):
        if getattr(config, name) > MOST_ROWS:
            reasons.append(f"{name}={getattr(config, name)}: a table of positions has at most {MOST_ROWS} rows here")
    for symbols in dictionaries or ():
        expected = {"<s>": symbols.bos, "</s>": symbols.eos, "<unk>": symbols.unk, PADDING: symbols.pad}
        for word, index in expected.items():
            if symbols.symbols[index] != word:
                found = symbols.symbols[index]
                reasons.append(f"the {symbols.language} dictionary has {found!r} in the place of {word}")
        if BLANK in symbols.symbols:
            reasons.append(f"the {symbols.language} dictionary has the word {BLANK}, CTranslate2's name for padding")
    return reasons


def export_ctranslate2(
    checkpoint: Path,
    output: Path,
    quantization: str = "float32",
    data: Path | None = None,
    languages: tuple[str, str] | None = None,
    int8_bits: int = 8,
) -> Converted:
    """Write a folder.

    Args:
        checkpoint: of the plugin.
        output: a new folder.
        quantization: one of `KINDS`.
        data: the data-bin with the dictionaries; None takes the one that was trained on.
        languages: source and target; None takes the checkpoint's.
        int8_bits: of the int8 kinds' weights, sign included: 8, or 7 for processors that add two products in 16 bits.

    Raises:
        NotExpressibleError: CTranslate2 has no such model; all reasons are listed and nothing is written.
        ConfigError: an unknown quantization.
        CheckpointError: the checkpoint is missing, damaged or foreign.
        DataError: no dictionaries; `output` cannot be written.
    """
    choose("--quantization", quantization, KINDS)
    choose("--int8-bits", str(int8_bits), tuple(map(str, LARGEST_OF)))
    check_folder(output)
    saved = read_model(checkpoint)
    config = saved.config
    sizes = (config.source_vocabulary, config.target_vocabulary)
    reasons = reasons_against(config)
    require(str(checkpoint), TARGET, reasons)
    dictionaries = read_dictionaries(saved.sections.get("task") or {}, data, sizes, checkpoint, languages)
    require(str(checkpoint), TARGET, reasons_against(config, dictionaries))
    spec = specification(config, saved.weights, dictionaries)
    spec.validate()
    _quantize(spec, quantization, LARGEST_OF[int8_bits])
    spec.config.add_attribute("convention", str(saved.sections["model"].get("convention")))
    spec.config.add_attribute("int8_bits", int8_bits if quantization.startswith("int8") else 8)
    with folder(output) as place:
        spec.save(str(place))
    return Converted(output, quantization, sum(file.stat().st_size for file in output.iterdir()))


def _quantize(spec: Any, quantization: str, largest: int) -> None:
    """CTranslate2's own way of storing weights; int8 ones from -largest to largest, where it has `LARGEST`."""
    exact: dict[str, Any] = {}
    if quantization.startswith("int8") and largest != LARGEST:
        exact = {name: value.numpy().copy() for name, value in spec.variables().items() if value.dtype == "float32"}
    spec.optimize(quantization=quantization)
    stored = spec.variables()
    for name in [scale.removesuffix(SCALE) for scale in stored if exact and scale.endswith(SCALE)]:
        most = np.abs(exact[name]).max(axis=1)
        scale = largest / np.where(most > 0, most, largest)
        stored[name].numpy()[...] = np.rint(exact[name] * scale[:, None])
        stored[name + SCALE].numpy()[...] = scale


def specification(
    config: TransformerConfig, weights: dict[str, Tensor], dictionaries: tuple[Symbols, Symbols]
) -> Any:
    """A filled `ctranslate2.specs.TransformerSpec`.

    Args:
        config: of the model.
        weights: its state.
        dictionaries: the source's and the target's.
    """
    arrays = {name: tensor.float().numpy() for name, tensor in weights.items()}
    own_width = config.d_k * config.num_heads != config.d_model
    head_dim = config.d_k if own_width else None
    # `pre_norm` of the stacks decides whether they have a final norm, so it is set to the truth afterwards.
    shape = {"pre_norm": config.has_final_norm, "head_dim": head_dim}
    encoder = transformer_spec.TransformerEncoderSpec(config.num_layers, config.num_heads, **shape)
    decoder = transformer_spec.TransformerDecoderSpec(config.num_layers, config.num_heads, **shape)
    for side, stack in (("encoder", encoder), ("decoder", decoder)):
        stack.pre_norm = config.normalize_before
        _set_inputs(config, weights, arrays, side, stack)
        for index, layer in enumerate(stack.layer):
            _set_layer(arrays, f"{side}.layers.{index}", layer)
        if config.has_final_norm:
            _set_norm(arrays, f"{side}.layer_norm", stack.layer_norm)
    decoder.start_from_zero_embedding = config.decoder_start == "zero"
    _set_linear(arrays, "decoder.output_projection", decoder.projection)
    spec = transformer_spec.TransformerSpec(encoder, decoder)
    spec.register_source_vocabulary(_vocabulary(dictionaries[0]))
    spec.register_target_vocabulary(_vocabulary(dictionaries[1]))
    spec.config.decoder_start_token = dictionaries[1].symbols[dictionaries[1].eos]
    spec.config.add_source_eos = True
    spec.config.layer_norm_epsilon = config.layer_norm_eps
    for name in ("max_source_positions", "max_target_positions"):
        spec.config.add_attribute(name, getattr(config, name))  # CTranslate2 leaves these alone; `Engine` reads them
    return spec


def _vocabulary(symbols: Symbols) -> list[str]:
    return [BLANK if word == PADDING else word for word in symbols.symbols]


Arrays = dict[str, np.ndarray]


def _set_inputs(config: TransformerConfig, weights: dict[str, Tensor], arrays: Arrays, side: str, stack: Any) -> None:
    """Sections 3.4 and 3.5: the table, its scale and the positions; tensor2tensor's target space is in these."""
    table = stack.embeddings[0] if side == "encoder" else stack.embeddings
    table.weight = arrays[f"{side}.embed_tokens.weight"]
    stack.scale_embeddings = math.sqrt(config.d_model)
    stack.position_encodings.encodings = position_rows(config, weights, side).numpy()


def _set_layer(arrays: Arrays, name: str, layer: Any) -> None:
    _set_attention(arrays, f"{name}.self_attn", layer.self_attention, ("q_proj", "k_proj", "v_proj"))
    if f"{name}.encoder_attn.q_proj.weight" in arrays:
        _set_attention(arrays, f"{name}.encoder_attn", layer.attention, ("q_proj",), ("k_proj", "v_proj"))
    _set_norm(arrays, f"{name}.final_layer_norm", layer.ffn.layer_norm)
    _set_linear(arrays, f"{name}.fc1", layer.ffn.linear_0)
    _set_linear(arrays, f"{name}.fc2", layer.ffn.linear_1)


def _set_attention(arrays: Arrays, name: str, spec: Any, *fused: tuple[str, ...]) -> None:
    """Section 3.2.2; `fused` are the projections that CTranslate2 keeps in one matrix."""
    for linear, projections in zip(spec.linear, fused, strict=False):
        parts = [common_spec.LinearSpec() for _ in projections]
        for part, projection in zip(parts, projections, strict=True):
            _set_linear(arrays, f"{name}.{projection}", part)
        utils.fuse_linear(linear, parts)
    _set_linear(arrays, f"{name}.out_proj", spec.linear[-1])
    _set_norm(arrays, f"{name}_layer_norm", spec.layer_norm)


def _set_linear(arrays: Arrays, name: str, spec: Any) -> None:
    spec.weight = arrays[f"{name}.weight"]
    if f"{name}.bias" in arrays:
        spec.bias = arrays[f"{name}.bias"]


def _set_norm(arrays: Arrays, name: str, spec: Any) -> None:
    spec.gamma = arrays[f"{name}.weight"]
    spec.beta = arrays[f"{name}.bias"]
