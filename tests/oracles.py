"""The paper's formulas once more, in NumPy float64 and plain loops: what the tests compare the package with.

Written from the paper alone, one sentence, head and position at a time, so that no line is shared with the package.
Parameters come as a dict of arrays under fairseq's names.
"""

from __future__ import annotations

import math

import numpy as np


def softmax(scores):
    """softmax of a vector that may hold -inf."""
    exponentials = np.exp(scores - np.max(scores))
    return exponentials / exponentials.sum()


def attention(query, key, value, allowed):
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


def multi_head(parameters, prefix, x, memory, allowed, num_heads):
    """Section 3.2.2: x (n, d_model) attends to memory (m, d_model)."""

    def project(name, inputs):
        out = inputs @ parameters[f"{prefix}.{name}.weight"].T
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


def layer_norm(parameters, prefix, x, eps):
    """Biased variance, scale and bias, one position at a time."""
    rows = []
    for row in x:
        mean = row.mean()
        variance = ((row - mean) ** 2).mean()
        rows.append((row - mean) / math.sqrt(variance + eps))
    return np.stack(rows) * parameters[f"{prefix}.weight"] + parameters[f"{prefix}.bias"]


def feed_forward(parameters, prefix, x):
    """Eq. 2."""
    inner = np.maximum(0.0, x @ parameters[f"{prefix}.fc1.weight"].T + parameters[f"{prefix}.fc1.bias"])
    return inner @ parameters[f"{prefix}.fc2.weight"].T + parameters[f"{prefix}.fc2.bias"]


def position(pos, d_model, layout="interleaved", frequencies="paper"):
    """Section 3.5, one position: a vector of d_model numbers."""
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


def embed(parameters, config, table, tokens, blank_first=False, extra=None):
    """Sections 3.4 and 3.5 for one sentence without padding."""
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


def sublayer(parameters, config, norm, x, function):
    """Section 3.1: LayerNorm(x + Sublayer(x)), or x + Sublayer(LayerNorm(x))."""
    if config.normalize_before:
        return x + function(layer_norm(parameters, norm, x, config.layer_norm_eps))
    return layer_norm(parameters, norm, x + function(x), config.layer_norm_eps)


def transformer(parameters, config, source, target):
    """Figure 1 without dropout, for one sentence pair without padding.

    Args:
        source: ids.
        target: ids of the decoder's input (the target shifted right).

    Returns:
        Logits (len(target), V).
    """
    everywhere = np.ones((len(source), len(source)), dtype=bool)
    extra = parameters["encoder.target_space.weight"][0] if config.target_space_embedding else None
    x = embed(parameters, config, "encoder.embed_tokens.weight", source, extra=extra)
    for n in range(config.num_layers):
        layer = f"encoder.layers.{n}"
        x = sublayer(
            parameters, config, f"{layer}.self_attn_layer_norm", x,
            lambda y, layer=layer: multi_head(parameters, f"{layer}.self_attn", y, y, everywhere, config.num_heads),
        )
        x = sublayer(
            parameters, config, f"{layer}.final_layer_norm", x,
            lambda y, layer=layer: feed_forward(parameters, layer, y),
        )
    last = config.final_norm == "always" or (config.final_norm == "with_pre_norm" and config.normalize_before)
    memory = layer_norm(parameters, "encoder.layer_norm", x, config.layer_norm_eps) if last else x

    blank = config.decoder_start == "zero"
    x = embed(parameters, config, "decoder.embed_tokens.weight", target, blank_first=blank)
    causal = np.array([[j <= i for j in range(len(target))] for i in range(len(target))])
    over_source = np.ones((len(target), len(source)), dtype=bool)
    for n in range(config.num_layers):
        layer = f"decoder.layers.{n}"
        x = sublayer(
            parameters, config, f"{layer}.self_attn_layer_norm", x,
            lambda y, layer=layer: multi_head(parameters, f"{layer}.self_attn", y, y, causal, config.num_heads),
        )
        x = sublayer(
            parameters, config, f"{layer}.encoder_attn_layer_norm", x,
            lambda y, layer=layer: multi_head(
                parameters, f"{layer}.encoder_attn", y, memory, over_source, config.num_heads
            ),
        )
        x = sublayer(
            parameters, config, f"{layer}.final_layer_norm", x,
            lambda y, layer=layer: feed_forward(parameters, layer, y),
        )
    if last:
        x = layer_norm(parameters, "decoder.layer_norm", x, config.layer_norm_eps)
    return x @ parameters["decoder.output_projection.weight"].T


def smoothed_distribution(true, vocabulary, epsilon, mass, padding_idx):
    """Section 5.4's target distribution over the vocabulary, for one token."""
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


def cross_entropy(q, logits):
    """-Σ q log softmax(logits), in nats."""
    log_probs = logits - np.max(logits) - np.log(np.exp(logits - np.max(logits)).sum())
    return -(q * log_probs).sum()
