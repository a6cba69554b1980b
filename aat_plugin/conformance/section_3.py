"""Section 3 compared: attention, layers, embeddings, positions and the whole model, in float64 with random parameters.

Constants of the paper stand here as numbers, so that a wrong one in the package shows. Read `section_5` next.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aat_plugin import conventions
from aat_plugin.architecture.attention import MultiHeadAttention, scaled_dot_product_attention
from aat_plugin.architecture.cache import DecodingCache
from aat_plugin.architecture.config import TransformerConfig
from aat_plugin.architecture.embeddings import embed, position_encoding, token_embedding
from aat_plugin.architecture.feed_forward import feed_forward
from aat_plugin.architecture.masks import decoder_self_mask, key_padding_mask
from aat_plugin.architecture.positional_encoding import positions_of, sinusoids
from aat_plugin.architecture.precision import LayerNorm
from aat_plugin.architecture.stacks import DecoderLayer, EncoderLayer, EncoderOutput
from aat_plugin.architecture.transformer import Transformer
from aat_plugin.conformance import reference
from aat_plugin.conformance.comparisons import compares, largest

VOCABULARY, PAD = 19, 1
EXACT, DEEP = 1e-12, 1e-10
"""Tolerances in float64: one formula, and a whole model."""


def small(dialect: str = "paper", **given: Any) -> TransformerConfig:
    """A small model's config in which no two sizes are equal, so that none stands in for another."""
    governed: dict[str, Any] = dict(conventions.resolve(dialect, "model", {}))
    sizes: dict[str, Any] = dict(num_layers=2, d_model=12, d_ff=20, num_heads=3, d_k=5, d_v=7, max_source_positions=40,
                                 max_target_positions=30, dropout=0.0)  # fmt: skip
    return TransformerConfig(VOCABULARY, VOCABULARY, **{**sizes, **governed, **given})


def randomised(module: torch.nn.Module) -> Any:
    """The module in float64, evaluating, every parameter (norms and biases too) moved at random."""
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return module


def sentence(length: int) -> list[int]:
    """Random ids above the special symbols."""
    return torch.randint(4, VOCABULARY, (length,)).tolist()


def padded(rows: list[list[int]], left: bool = False) -> Tensor:
    """Sentences as one batch, (len(rows), longest)."""
    width = max(map(len, rows))
    fill = [[PAD] * (width - len(row)) for row in rows]
    return torch.tensor([pad + row if left else row + pad for pad, row in zip(fill, rows, strict=True)])


@compares("3.1", "LayerNorm(x)", "biased variance, ε = 1e-5, scale and bias; inputs so small that ε matters", EXACT)
def layer_norm() -> float:
    norm = randomised(LayerNorm(12, small().layer_norm_eps))
    x = torch.randn(6, 12, dtype=torch.float64) * torch.tensor([[1e-3], [1e-2], [1.0], [30.0], [1e-4], [0.1]])
    named = {f"n.{name}": array for name, array in reference.parameters_of(norm).items()}
    return largest([(norm(x), reference.layer_norm(named, "n", x.numpy(), 1e-5))])


@compares("3.1", "LayerNorm(x + Sublayer(x)), encoder layer", "post-norm as the paper, and pre-norm", EXACT)
def encoder_layer() -> float:
    pairs = []
    for before in (False, True):
        config = small(normalize_before=before)
        layer, x = randomised(EncoderLayer(config)), torch.randn(1, 6, 12, dtype=torch.float64)
        named = {f"layer.{name}": array for name, array in reference.parameters_of(layer).items()}
        mask = key_padding_mask(torch.zeros(1, 6, dtype=torch.bool))
        pairs.append((layer(x, mask)[0], reference.encoder_layer(named, config, "layer", x[0].numpy())))
    return largest(pairs)


@compares("3.1", "LayerNorm(x + Sublayer(x)), decoder layer", "post-norm as the paper, and pre-norm", EXACT)
def decoder_layer() -> float:
    pairs = []
    for before in (False, True):
        config = small(normalize_before=before)
        layer = randomised(DecoderLayer(config))
        x, memory = torch.randn(1, 5, 12, dtype=torch.float64), torch.randn(1, 7, 12, dtype=torch.float64)
        named = {f"layer.{name}": array for name, array in reference.parameters_of(layer).items()}
        mask = decoder_self_mask(torch.zeros(1, 5, dtype=torch.bool), 5)
        out, _ = layer(x, mask, EncoderOutput(memory, torch.zeros(1, 7, dtype=torch.bool)), None, 0)
        pairs.append((out[0], reference.decoder_layer(named, config, "layer", x[0].numpy(), memory[0].numpy())))
    return largest(pairs)


def against_reference(config: TransformerConfig, written: TransformerConfig) -> float:
    """A batch of three padded sentence pairs against the reference's one at a time, under what is `written`."""
    model = randomised(Transformer(config))
    sources, targets = [sentence(n) for n in (3, 7, 5)], [sentence(n) for n in (6, 2, 4)]
    logits, _ = model(padded(sources), None, padded(targets))
    named = reference.parameters_of(model)
    return largest(
        (logits[row, : len(target)], reference.transformer(named, written, source, target))
        for row, (source, target) in enumerate(zip(sources, targets, strict=True))
    )


@compares("3.1", "Figure 1, the whole model", "logits of a padded batch, convention=paper", DEEP)
def whole_model() -> float:
    written = small(
        normalize_before=False, final_norm="never", position_layout="interleaved", position_frequencies="paper",
        first_position=0, layer_norm_eps=1e-5, decoder_start="eos", target_space_embedding=False, attention_bias=False,
    )  # fmt: skip
    tensors = [len(list(Transformer(config).parameters())) for config in (small(), written)]
    return max(against_reference(small(), written), largest([(tensors[0], tensors[1])]))


@compares("3.1", "Figure 1, the whole model", "the other conventions; untied, learned positions, final norms", DEEP)
def whole_model_variants() -> float:
    others = [small(dialect) for dialect in conventions.DIALECTS]
    others += [small(share_all_embeddings=False, share_decoder_input_output_embed=False), small(learned_positions=True)]
    others += [small(normalize_before=True), small(final_norm="always"), small(attention_bias=True)]
    return max(against_reference(config, config) for config in others)


@compares("3.1", "Figure 1, gradients",
          "back-propagation with central differences, one number of each parameter", 1e-7)  # fmt: skip
def gradients() -> float:
    model = randomised(Transformer(small()))
    source, target = padded([sentence(3), sentence(2)]), padded([sentence(2), sentence(4)])

    def total() -> Tensor:
        logits, _ = model(source, None, target)
        kept: Tensor = logits[target.ne(PAD)]
        return kept.log_softmax(-1).square().mean()

    total().backward()  # type: ignore[no-untyped-call]
    pairs, step = [], 1e-5
    for name, parameter in model.named_parameters():
        index = tuple(int(torch.randint(size, ())) for size in parameter.shape)
        if name.endswith("embed_tokens.weight"):
            index = (int(source[0, 0]), index[1])
        with torch.no_grad():
            parameter[index] += step
            above = total()
            parameter[index] -= 2 * step
            below = total()
            parameter[index] += step
        pairs.append(((above - below) / (2 * step), parameter.grad[index]))
    return largest(pairs)


@compares("3.1", "position i depends on outputs before i", "logits before a changed target token, bit for bit")
def causality() -> float:
    model = randomised(Transformer(small()))
    source, target = padded([sentence(5)]), padded([sentence(8)])
    logits, pairs = model(source, None, target)[0], []
    for cut in range(1, 8):
        changed = target.clone()
        changed[:, cut:] = padded([sentence(8 - cut)])
        pairs.append((model(source, None, changed)[0][:, :cut], logits[:, :cut]))
    return largest(pairs)


@compares("3.2.1", "Eq. 1: softmax(Q K^T / sqrt(d_k)) V", "random Q, K, V of ten shapes, masked and not", EXACT)
def eq_1() -> float:
    pairs = []
    for n, m, d_k, d_v in itertools.islice(itertools.product((1, 4), (3, 6), (1, 8), (2, 5)), 10):
        q, k, v = (torch.randn(1, 1, *size, dtype=torch.float64) for size in ((n, d_k), (m, d_k), (m, d_v)))
        for hidden in (torch.zeros(n, m, dtype=torch.bool), torch.rand(n, m) < 0.5):
            hidden[:, 0] = False
            out, _ = scaled_dot_product_attention(q, k, v, hidden)
            expected = reference.attention(q[0, 0].numpy(), k[0, 0].numpy(), v[0, 0].numpy(), ~hidden.numpy())
            pairs.append((out[0, 0], expected))
    return largest(pairs)


@compares("3.2.2", "MultiHead(Q, K, V)", "d_k ≠ d_v, both free of d_model / h, with and without biases", EXACT)
def multi_head() -> float:
    pairs = []
    for d_k, d_v, bias in ((4, 4, False), (2, 7, True), (9, 3, False)):
        module = randomised(MultiHeadAttention(10, 3, d_k, d_v, bias=bias, dropout=0.0))
        x, memory = (torch.randn(1, n, 10, dtype=torch.float64) for n in (4, 6))
        out, _ = module(x, *module.project_memory(memory), None)
        named = {f"a.{name}": array for name, array in reference.parameters_of(module).items()}
        everywhere = np.ones((4, 6), dtype=np.bool_)
        pairs.append((out[0], reference.multi_head(named, "a", x[0].numpy(), memory[0].numpy(), everywhere, 3)))
    return largest(pairs)


@compares("3.2.3", "padding and other sentences change nothing",
          "a sentence alone and in a batch, either side", EXACT)  # fmt: skip
def padding() -> float:
    pairs = []
    for left_source, left_target in itertools.product((False, True), repeat=2):
        model = randomised(Transformer(small()))
        sources, targets = [sentence(n) for n in (3, 8)], [sentence(n) for n in (7, 2)]
        logits, _ = model(padded(sources, left_source), None, padded(targets, left_target))
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            real = logits[row, -len(target) :] if left_target else logits[row, : len(target)]
            pairs.append((real, model(torch.tensor([source]), None, torch.tensor([target]))[0][0]))
    return largest(pairs)


@compares("3.2.3", "incremental decoding", "token by token and in pieces with one forward pass", EXACT)
def incremental() -> float:
    pairs = []
    for dialect, pieces in itertools.product(conventions.DIALECTS, ([1] * 6, [3, 1, 2])):
        model = randomised(Transformer(small(dialect)))
        source, target = padded([sentence(3), sentence(7)]), padded([sentence(6), sentence(6)])
        full, _ = model(source, None, target)
        memory, cache = model.encode(source), DecodingCache(2)
        for upto in itertools.accumulate(pieces):
            features, _ = model.decoder.decode(target[:, :upto], memory, cache)
            pairs.append((model.decoder.output_projection(features), full[:, upto - features.size(1) : upto]))
    return largest(pairs)


@compares("3.3", "Eq. 2: max(0, x W1 + b1) W2 + b2", "random weights and inputs", EXACT)
def eq_2() -> float:
    fc1, fc2 = randomised(torch.nn.Linear(12, 20)), randomised(torch.nn.Linear(20, 12))
    x = torch.randn(6, 12, dtype=torch.float64)
    named = {f"l.fc1.{name}": array for name, array in reference.parameters_of(fc1).items()}
    named |= {f"l.fc2.{name}": array for name, array in reference.parameters_of(fc2).items()}
    return largest([(feed_forward(x, fc1, fc2), reference.feed_forward(named, "l", x.numpy()))])


@compares("3.4", "sqrt(d_model) · E + PE", "the sum at the foot of each stack, counted from position 0", EXACT)
def embeddings() -> float:
    config = small()
    table = token_embedding(VOCABULARY, 12, PAD).double()
    tokens = torch.tensor([sentence(9)])
    numbers = positions_of(tokens.eq(PAD), config.first_position)
    summed = embed(tokens, table, position_encoding(config, 40), numbers, 9 + config.first_position)[0]
    rows = table.weight.detach().numpy()
    pairs = enumerate(tokens[0].tolist())
    return largest([(summed, np.stack([math.sqrt(12) * rows[id] + reference.position(pos, 12) for pos, id in pairs]))])


@compares("3.4", "one matrix for embeddings and softmax", "three uses of one tensor, counted")
def one_matrix() -> float:
    model = Transformer(small())
    uses = {id(model.encoder.embed_tokens.weight), id(model.decoder.embed_tokens.weight),
            id(model.decoder.output_projection.weight)}  # fmt: skip
    return len(uses) - 1.0


@compares("3.5", "PE(pos, 2i), PE(pos, 2i+1)",
          "positions 0 … 119 at widths 4, 16 and 512, and tensor2tensor's", EXACT)  # fmt: skip
def positions() -> float:
    chosen = (str(conventions.value("position_layout")), str(conventions.value("position_frequencies")))
    pairs = [(sinusoids(120, width, *chosen)[pos], reference.position(pos, width))
             for width in (4, 16, 512) for pos in (0, 1, 2, 7, 100, 119)]  # fmt: skip
    theirs = sinusoids(120, 16, "halves", "t2t")
    return largest([*pairs, *((theirs[pos], reference.position(pos, 16, "halves", "t2t")) for pos in (0, 1, 99))])


@compares("3.5", "PE(pos, 2i), PE(pos, 2i+1)", "digits evaluated beforehand: d_model 512, positions 1 and 100", 5e-8)
def printed_positions() -> float:
    table = sinusoids(101, 512)
    first = [0.8414710, 0.5403023, 0.8218562, 0.5696950, 0.8019618, 0.5973753]
    hundredth = [-0.5063656, 0.8623189, 0.7975424, -0.6032629]
    return largest([(table[1, :6], first), (table[1, -2:], [0.0001037, 1.0]), (table[100, :4], hundredth),
                    (table[100, -2:], [0.0103661, 0.9999463])])  # fmt: skip


@compares("3.5", "PE(pos + k) is linear in PE(pos)", "a rotation of each pair by k / 10000^(2i/d)", EXACT)
def shifts() -> float:
    table, pairs = sinusoids(101, 8).view(101, 4, 2), []
    rates = torch.tensor([10000 ** (-2 * i / 8) for i in range(4)], dtype=torch.float64)
    for k in (1, 5, 60):
        sine, cosine = (k * rates).sin(), (k * rates).cos()
        s, c = table[: 101 - k].unbind(-1)
        pairs.append((table[k:], torch.stack([s * cosine + c * sine, c * cosine - s * sine], dim=-1)))
    return largest(pairs)
