"""The paper's formulas once more, in NumPy float64 and plain loops: Sections 3 and 5, as the package is compared.

Written from the paper alone, one sentence, head and position at a time, so that no line is shared with the package.
Parameters come as a dict of arrays under fairseq's names. Read `search_tables` for Section 6.1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aat_plugin.architecture.config import TransformerConfig

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]


def softmax(scores: Array) -> Array:
    """softmax of a vector that may hold -inf."""
    exponentials = np.exp(scores - np.max(scores))
    return np.asarray(exponentials / exponentials.sum())


def attention(query: Array, key: Array, value: Array, allowed: NDArray[np.bool_]) -> Array:
    """Eq. 1 for one head: query (n, d_k), key (m, d_k), value (m, d_v), allowed (n, m) true where legal."""
    out = np.zeros((len(query), value.shape[1]))
    for i in range(len(query)):
        scores = np.array(
            [query[i] @ key[j] / math.sqrt(key.shape[1]) if allowed[i, j] else -math.inf for j in range(len(key))]
        )
        weights = softmax(scores)
        for j in range(len(key)):
            out[i] += weights[j] * value[j]
    return out


def multi_head(
    parameters: Parameters, prefix: str, x: Array, memory: Array, allowed: NDArray[np.bool_], num_heads: int
) -> Array:
    """Section 3.2.2: x (n, d_model) attends to memory (m, d_model)."""

    def project(name: str, inputs: Array) -> Array:
        out = np.asarray(inputs @ parameters[f"{prefix}.{name}.weight"].T)
        bias = parameters.get(f"{prefix}.{name}.bias")
        return out if bias is None else out + bias

    q, k, v = project("q_proj", x), project("k_proj", memory), project("v_proj", memory)
    d_k, d_v = q.shape[1] // num_heads, v.shape[1] // num_heads
    heads = [
        attention(
            q[:, h * d_k : (h + 1) * d_k], k[:, h * d_k : (h + 1) * d_k], v[:, h * d_v : (h + 1) * d_v], allowed
        )
        for h in range(num_heads)
    ]
    return project("out_proj", np.concatenate(heads, axis=1))


def layer_norm(parameters: Parameters, prefix: str, x: Array, eps: float) -> Array:
    """Biased variance, scale and bias, one position at a time; x (n, d_model)."""
    rows = []
    for row in x:
        mean = row.mean()
        variance = ((row - mean) ** 2).mean()
        rows.append((row - mean) / math.sqrt(variance + eps))
    return np.asarray(np.stack(rows) * parameters[f"{prefix}.weight"] + parameters[f"{prefix}.bias"])


def feed_forward(parameters: Parameters, prefix: str, x: Array) -> Array:
    """Eq. 2; x (n, d_model)."""
    inner = np.maximum(0.0, x @ parameters[f"{prefix}.fc1.weight"].T + parameters[f"{prefix}.fc1.bias"])
    return np.asarray(inner @ parameters[f"{prefix}.fc2.weight"].T + parameters[f"{prefix}.fc2.bias"])


def position(pos: int, d_model: int, layout: str = "interleaved", frequencies: str = "paper") -> Array:
    """Section 3.5, one position: (d_model,)."""
    half = d_model // 2
    sines, cosines = [], []
    for i in range(half):
        exponent = 2 * i / d_model if frequencies == "paper" else i / (half - 1)
        angle = pos / 10000**exponent
        sines.append(math.sin(angle))
        cosines.append(math.cos(angle))
    if layout == "halves":
        return np.array(sines + cosines)
    return np.array([number for pair in zip(sines, cosines, strict=True) for number in pair])


def embed(
    parameters: Parameters,
    config: TransformerConfig,
    table: str,
    tokens: Sequence[int],
    blank_first: bool = False,
    extra: Array | None = None,
) -> Array:
    """Sections 3.4 and 3.5 for one sentence without padding: (len(tokens), d_model)."""
    rows = []
    for index, token in enumerate(tokens):
        row = math.sqrt(config.d_model) * parameters[table][token]
        if blank_first and index == 0:
            row = np.zeros(config.d_model)
        if extra is not None:
            row = row + extra
        pos = index + config.first_position
        if config.learned_positions:
            row = row + parameters[table.replace("embed_tokens", "embed_positions")][pos]
        else:
            row = row + position(pos, config.d_model, config.position_layout, config.position_frequencies)
        rows.append(row)
    return np.stack(rows)


def next_words(config: TransformerConfig, tokens: Sequence[int], memory: Array) -> Array:
    """Ours: at each place the encoder's output for the source token that the next counted symbol stands for."""
    said = [sum(token in config.counted_symbols for token in tokens[: place + 1]) for place in range(len(tokens))]
    return np.stack([memory[min(count, len(memory) - 1)] for count in said])


def sublayer(
    parameters: Parameters, config: TransformerConfig, norm: str, x: Array, function: Callable[[Array], Array]
) -> Array:
    """Section 3.1: LayerNorm(x + Sublayer(x)), or x + Sublayer(LayerNorm(x)); x (n, d_model)."""
    if config.normalize_before:
        return np.asarray(x + function(layer_norm(parameters, norm, x, config.layer_norm_eps)))
    return layer_norm(parameters, norm, x + function(x), config.layer_norm_eps)


def visible(n: int, neighbourhood: int | None, causal: bool) -> NDArray[np.bool_]:
    """Who sees whom in self-attention, (n, n): all, or the positions i - ⌊r/2⌋ … i + ⌈r/2⌉ - 1; causal: none later."""
    r = 2 * n if neighbourhood is None else neighbourhood
    near = [[i - math.floor(r / 2) <= j <= i + math.ceil(r / 2) - 1 for j in range(n)] for i in range(n)]
    return np.array([[near[i][j] and (j <= i or not causal) for j in range(n)] for i in range(n)])


def encoder_layer(parameters: Parameters, config: TransformerConfig, layer: str, x: Array) -> Array:
    """Section 3.1: self-attention, then the feed-forward network; x (n, d_model)."""
    seen = visible(len(x), config.restricted_attention, causal=False)

    def attend(y: Array) -> Array:
        return multi_head(parameters, f"{layer}.self_attn", y, y, seen, config.num_heads)

    x = sublayer(parameters, config, f"{layer}.self_attn_layer_norm", x, attend)
    return sublayer(
        parameters, config, f"{layer}.final_layer_norm", x, lambda y: feed_forward(parameters, layer, y)
    )


def decoder_layer(parameters: Parameters, config: TransformerConfig, layer: str, x: Array, memory: Array) -> Array:
    """Section 3.1: masked self-attention, attention to memory (m, d_model), feed-forward; x (n, d_model)."""
    seen = visible(len(x), config.restricted_attention, causal=True)
    over_source = np.ones((len(x), len(memory)), dtype=np.bool_)

    def attend(y: Array) -> Array:
        return multi_head(parameters, f"{layer}.self_attn", y, y, seen, config.num_heads)

    def attend_source(y: Array) -> Array:
        return multi_head(parameters, f"{layer}.encoder_attn", y, memory, over_source, config.num_heads)

    x = sublayer(parameters, config, f"{layer}.self_attn_layer_norm", x, attend)
    x = sublayer(parameters, config, f"{layer}.encoder_attn_layer_norm", x, attend_source)
    return sublayer(
        parameters, config, f"{layer}.final_layer_norm", x, lambda y: feed_forward(parameters, layer, y)
    )


def transformer(
    parameters: Parameters, config: TransformerConfig, source: Sequence[int], target: Sequence[int]
) -> Array:
    """Figure 1 without dropout, for one sentence pair without padding.

    Args:
        parameters: the model's.
        config: its sizes and choices.
        source: ids.
        target: ids of the decoder's input (the target shifted right).

    Returns:
        Logits (len(target), V).
    """
    last = config.final_norm == "always" or (config.final_norm == "with_pre_norm" and config.normalize_before)
    extra = parameters["encoder.target_space.weight"][0] if config.target_space_embedding else None
    memory = embed(parameters, config, "encoder.embed_tokens.weight", source, extra=extra)
    for n in range(config.num_layers):
        memory = encoder_layer(parameters, config, f"encoder.layers.{n}", memory)
    if last:
        memory = layer_norm(parameters, "encoder.layer_norm", memory, config.layer_norm_eps)
    blank = config.decoder_start == "zero"
    x = embed(parameters, config, "decoder.embed_tokens.weight", target, blank_first=blank)
    if config.counted_symbols:
        x = x + next_words(config, target, memory)
    for n in range(config.num_layers):
        x = decoder_layer(parameters, config, f"decoder.layers.{n}", x, memory)
    if last:
        x = layer_norm(parameters, "decoder.layer_norm", x, config.layer_norm_eps)
    return np.asarray(x @ parameters["decoder.output_projection.weight"].T)


def rate(step: int, d_model: int, warmup_steps: int) -> float:
    """Section 5.3, Eq. 3."""
    decay = min(1 / math.sqrt(step), step / math.sqrt(warmup_steps) ** 3)
    return decay / math.sqrt(d_model)


def smoothed_distribution(true: int, vocabulary: int, epsilon: float, mass: str, padding_idx: int) -> Array:
    """Section 5.4's target distribution for one token: (vocabulary,)."""
    q = np.zeros(vocabulary)
    if mass == "all":
        q += epsilon / vocabulary
        q[true] += 1 - epsilon
        return q
    others = [k for k in range(vocabulary) if k != true and not (mass == "others_but_pad" and k == padding_idx)]
    divisor = vocabulary - 1 if mass == "others" else vocabulary - 2
    for k in others:
        q[k] = epsilon / divisor
    q[true] = 1 - epsilon
    return q


def cross_entropy(q: Array, logits: Array) -> float:
    """-Σ q log softmax(logits), in nats; both (vocabulary,)."""
    log_probs = logits - np.max(logits) - np.log(np.exp(logits - np.max(logits)).sum())
    return float(-(q * log_probs).sum())


def parameters_of(model: Any) -> dict[str, Array]:
    """A torch module's parameters as arrays, under their names."""
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
