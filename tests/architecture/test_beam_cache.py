"""Decoding with slots that stay where they are: what recomputing each hypothesis's whole prefix gives."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from aat_plugin.architecture import Transformer, beam_cache, packed, products
from aat_plugin.architecture.beam_cache import FEW, BeamCache
from aat_plugin.architecture.packed import PackedDecoder, PackedEncoder
from aat_plugin.architecture.precision import log_normalizer, read
from aat_plugin.architecture.products import product

CHOICES = [
    {}, {"attention_bias": True}, {"normalize_before": True}, {"decoder_start": "zero", "position_layout": "halves"},
    {"learned_positions": True}, {"restricted_attention": 1}, {"restricted_attention": 5}, {"final_norm": "always"},
    {"counted_symbols": (4, 7, 8, 12)}, {"counted_symbols": (5,), "learned_positions": True},
]  # fmt: skip


def walk(model, seed, steps=16, sentences=4, beam=3, alike=0.0):
    """Decode random hypotheses while they move and sentences leave; yields the step's logits and the whole prefix's.

    alike: how often all hypotheses of a sentence continue the same one.
    """
    draw, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    source = torch.randint(4, 19, (sentences, 6), generator=generator)
    for row in range(sentences):
        source[row, : row % 3] = 1  # padded on the left
    encoder, decoder = PackedEncoder(model.encoder, "float32"), PackedDecoder(model.decoder, "float32")
    cache, of_row = decoder.begin(encoder.encode(source)), list(range(sentences))
    tokens = torch.full((sentences, 1), 2)
    for step in range(steps):
        found, weights = decoder.step(tokens[:, -1], cache, decoder.counts(tokens))
        memory = model.encoder.encode(source[of_row])
        features, expected = model.decoder.decode(tokens, memory)
        yield decoder.logits(found), torch.nn.functional.linear(features[:, -1], model.decoder.output_projection.weight)
        yield weights, expected[:, :, -1]
        here, old = len(of_row) // (beam if step else 1), beam if step else 1
        staying = [n for n in range(here) if here == 1 or draw.random() > 0.15] or [draw.randrange(here)]
        same = draw.random() < alike
        one = [draw.randrange(old) for _ in staying]
        parents = [[first if same else draw.randrange(old) for _ in range(beam)] for first in one]
        rows = torch.tensor([n * old + parent for n, chosen in zip(staying, parents, strict=True) for parent in chosen])
        cache.reorder(rows, None if len(staying) == here else torch.tensor(staying))
        of_row = [of_row[row] for row in rows.tolist()]
        new = torch.randint(4, 19, (len(rows), 1), generator=generator)
        tokens = torch.cat([tokens[rows], new], dim=1)


@pytest.mark.parametrize("choices", CHOICES, ids=str)
@pytest.mark.parametrize("alike", [0.0, 0.8])
@pytest.mark.parametrize("few_shapes", [False, True])
def test_each_step_gives_what_the_whole_prefix_gives(make_config, monkeypatch, choices, alike, few_shapes):
    monkeypatch.setattr(beam_cache, "compiled", lambda _: few_shapes)
    torch.manual_seed(2)
    model = Transformer(make_config(**choices)).double().eval()
    with torch.no_grad():
        for step, whole in walk(model, seed=3, alike=alike):
            torch.testing.assert_close(step, whole, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6), sentences=st.integers(1, 12), beam=st.integers(1, 5),
    alike=st.sampled_from([0, 0.5, 1]), few_shapes=st.booleans()
)  # fmt: skip
def test_hypotheses_move_and_sentences_leave_in_any_way(make_config, seed, sentences, beam, alike, few_shapes):
    torch.manual_seed(seed)
    model = Transformer(make_config(num_layers=1)).double().eval()
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam_cache, "compiled", lambda _: few_shapes)
        for step, whole in walk(model, seed, 12, sentences, beam, alike):
            torch.testing.assert_close(step, whole, rtol=1e-9, atol=1e-9)


def test_slots_are_written_once_and_dropped_when_nothing_descends_from_them():
    memory, beam = (torch.zeros(2, 1, 3, 4), torch.zeros(2, 1, 3, 4)), 4
    cache, most = BeamCache([memory], torch.zeros(2, 3, dtype=torch.bool), None), 0
    for step in range(200):
        width = beam if step else 1
        hidden = cache.open_step(width)
        key, _ = cache.extend(0, torch.full((2, 1, width, 4), float(step)), torch.zeros(2, 1, width, 4))
        seen = key[0, 0, 0, hidden[0, 0, 0] == 0]
        assert seen.tolist() == [float(n) for n in range(step + 1)]  # its own past, in order
        most = max(most, key.size(3))
        cache.reorder(torch.arange(2).repeat_interleave(beam) * width, None)  # all continue the first
    assert most < 200 * 2 < 200 * beam
    assert most > 200 + FEW


def test_in_half_precision_few_shapes_are_met():
    sentences, beam, shapes = 50, 3, set()
    memory = torch.zeros(sentences, 1, 3, 4, dtype=torch.bfloat16)
    cache = BeamCache([(memory, memory.clone())], torch.zeros(sentences, 3, dtype=torch.bool), None)
    for step in range(sentences):
        width = beam if step else 1
        hidden = cache.open_step(width)
        new = torch.zeros(hidden.size(0), 1, width, 4)
        key, value = cache.extend(0, new, new)
        assert key.shape == (hidden.size(0), 1, 4, hidden.size(3))
        assert value.shape == (hidden.size(0), 1, hidden.size(3), 4)
        shapes.add(hidden.shape[::3])
        left = cache.sentences - (cache.sentences > 1)
        cache.reorder(torch.arange(left).repeat_interleave(beam) * width, torch.arange(left))
    assert sorted({places for places, _ in shapes}) == [1, 2, 4, 8, 16, 24, 32, 40, 48, 50]
    assert all(slots % 16 == 0 for _, slots in shapes)


@pytest.mark.parametrize("choices", [{}, {"restricted_attention": 3}, {"learned_positions": True}], ids=str)
@pytest.mark.parametrize("left", [True, False])
def test_sources_of_like_length_are_encoded_together_and_give_what_all_at_once_give(
    make_config, monkeypatch, choices, left
):
    torch.manual_seed(5)
    model = Transformer(make_config(**choices)).double().eval()
    lengths = [9, 2, 7, 1, 9, 3, 2, 8]
    source = torch.ones((len(lengths), 9), dtype=torch.int64)
    for row, length in enumerate(lengths):
        source[row, 9 - length if left else 0 :][:length] = torch.randint(4, 19, (length,))
    encoder, pieces = PackedEncoder(model.encoder, "float32"), []
    whole = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda tokens: pieces.append(tokens) or whole(tokens))
    monkeypatch.setattr(packed, "TOKENS_AT_ONCE", 16)
    with torch.no_grad():
        found, expected = encoder.encode(source), model.encoder.encode(source)
    assert torch.equal(found.padding_mask, expected.padding_mask)
    real = ~expected.padding_mask
    torch.testing.assert_close(found.memory[real], expected.memory[real], rtol=1e-9, atol=1e-9)
    assert not found.memory[~real].isnan().any()
    # 1, 2, 2, 3 as 4 · 3 places, 7, 8 as 2 · 8, then 9 and 9 alone
    assert [tuple(one.shape) for one in pieces] == [(4, 3), (2, 8), (1, 9), (1, 9)]


def test_one_sentence_and_even_ones_are_encoded_as_they_are(make_config, monkeypatch):
    model = Transformer(make_config()).eval()
    encoder, seen = PackedEncoder(model.encoder, "float32"), []
    whole = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda tokens: seen.append(tokens.shape) or whole(tokens))
    for shape in ((1, 7), (5, 7)):
        encoder.encode(torch.full(shape, 4))
    assert seen == [(1, 7), (5, 7)]


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-6), ("bf16", 2e-2), ("int8", 4e-2)])
def test_logits_are_those_of_each_row_however_many_there_are(make_config, monkeypatch, precision, close):
    torch.manual_seed(4)
    model, given = Transformer(make_config()).eval(), []
    decoder = PackedDecoder(model.decoder, "float32", precision)
    whole, weight = decoder._vocabulary, model.decoder.output_projection.weight
    monkeypatch.setattr(decoder, "_vocabulary", lambda x: given.append(x.size(0)) or whole(x))
    with torch.no_grad():
        for rows in (1, 31, 32, 33, 64):
            features = torch.randn(rows, weight.size(1))
            found, exact = decoder.logits(features).float(), features @ weight.t()
            assert found.shape == exact.shape
            assert (found - exact).norm() / exact.norm() < close
    assert given == ([1, 31, 32, 33, 64] if precision == "float32" else [32, 32, 32, 64, 64])


@pytest.mark.parametrize("quick", [False, True])
def test_attention_in_bfloat16_gives_nearly_what_float32_gives(make_config, monkeypatch, quick):
    """With bfloat16's small products and without, each where it is not the processor's own choice too."""
    monkeypatch.setattr(packed, "quick_small_products", lambda: quick)
    torch.manual_seed(6)
    model = Transformer(make_config()).eval()
    tokens, source = torch.randint(4, 19, (5, 9)), torch.randint(4, 19, (5, 7))
    source[1, :3] = 1
    found = {}
    for precision in ("float32", "bf16"):
        encoder, decoder = PackedEncoder(model.encoder, precision), PackedDecoder(model.decoder, precision)
        with torch.no_grad():
            cache, steps = decoder.begin(encoder.encode(source)), []
            for step in range(tokens.size(1)):
                steps.append(decoder.step(tokens[:, step], cache)[0])
                cache.reorder(torch.arange(5), None)
        kept = cache.memory[0][0].dtype
        assert kept is (torch.bfloat16 if quick and precision == "bf16" else torch.float32)
        found[precision] = torch.stack(steps).float()
    away = (found["bf16"] - found["float32"]).norm() / found["float32"].norm()
    assert 0 < away < 0.02


def test_only_sentences_behind_the_gaps_move():
    places = torch.arange(6.0).view(6, 1, 1, 1)
    cache = BeamCache([(places.clone(), places.clone())], torch.zeros(6, 1, dtype=torch.bool), None)
    cache.open_step(1)
    cache.extend(0, places.clone(), places.clone())
    storage = cache.memory[0][0].data_ptr()
    cache.reorder(torch.tensor([1, 2, 4, 5]), torch.tensor([1, 2, 4, 5]))
    assert cache.memory[0][0].flatten().tolist() == [4, 1, 2, 5]  # 1 and 2 lie where they lay
    assert cache.memory[0][0].data_ptr() == storage
    assert cache.to_search_order(cache.memory[0][0].flatten(1).unsqueeze(1)).flatten().tolist() == [1, 2, 4, 5]
    assert cache.to_places(torch.tensor([1, 2, 4, 5])).flatten().tolist() == [4, 1, 2, 5]


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-6), ("bf16", 2e-2), ("int8", 3e-2)])
def test_products_in_other_precisions_are_near(precision, close):
    torch.manual_seed(1)
    weight, bias, x = torch.randn(48, 64), torch.randn(48), torch.randn(3, 5, 64)
    exact, found = x @ weight.t() + bias, product(weight, bias, precision)(x)
    assert found.dtype is (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert (found - exact).norm() / exact.norm() < close
    assert precision == "float32" or not torch.equal(found, exact)


@pytest.mark.parametrize("engine", [one for one in products.INT8_ENGINES
                                    if one in torch.backends.quantized.supported_engines])
@pytest.mark.parametrize("overflow", [None, True])
def test_sums_of_large_8_bit_products_are_exact_integers(engine, overflow, monkeypatch):
    """No result is further off than the rounding of its inputs: on some processors sums of two overflow 16 bits."""
    monkeypatch.setattr(products, "INT8_ENGINES", (engine,))
    if overflow is not None:
        monkeypatch.setattr(products, "sums_overflow", lambda _: overflow)
    torch.manual_seed(3)
    weight, x = torch.rand(48, 64, dtype=torch.float64) + 0.5, torch.rand(30, 64, dtype=torch.float64) + 0.5
    of_x, of_weight = x.max() / 255, weight.amax(dim=1) / 63 / 2  # zero is a value of x too
    furthest = of_x * weight.sum(dim=1) + of_weight * x.sum(dim=1, keepdim=True) + 64 * of_x * of_weight
    away = (product(weight.float(), None, "int8")(x.float()) - x @ weight.t()).abs()
    assert bool((away < furthest).all())
    assert float(away.max()) > 0


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_a_wide_product_is_that_of_its_own_outputs_however_its_rows_lie(relu, biased):
    torch.manual_seed(2)
    weight, bias, x = torch.randn(1100, 32), torch.randn(1100) if biased else None, torch.randn(70, 32)
    rounded = [None if one is None else one.bfloat16().double() for one in (x, weight, bias)]
    exact = F.linear(*rounded)
    exact, onto = (exact.relu() if relu else exact), torch.randn(70, 1100).bfloat16()
    found = product(weight, bias, "bf16", relu=relu)
    torch.testing.assert_close(found(x), exact.bfloat16(), rtol=0.01, atol=0.02)
    assert found(x[:3]).shape == (3, 1100)
    if not relu:
        torch.testing.assert_close(found(x, onto.clone()), (exact + onto).bfloat16(), rtol=0.02, atol=0.05)


@pytest.mark.parametrize(("rows", "classes", "block"), [(1, 5, 64), (3, 64, 64), (70, 1000, 64), (5, 130, 7)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_what_is_read_of_logits_is_their_normaliser_and_each_blocks_largest(rows, classes, block, dtype):
    torch.manual_seed(rows)
    for scale in (1.0, 300.0):  # the second is where a plain sum of exponentials overflows
        whole = (torch.randn(rows, classes + 3) * scale).to(dtype)
        logits = whole[:, :classes]
        kept, found = logits.clone(), read(logits, block)
        wide = logits.double()
        torch.testing.assert_close(found.log_normalizer.double(), wide.logsumexp(1), rtol=1e-6, atol=1e-5)
        of_blocks = [wide[:, start : start + block].amax(1) for start in range(0, classes - block + 1, block)]
        expected = torch.stack(of_blocks, 1) if of_blocks else wide.new_empty((rows, 0))
        assert found.largest is not None
        assert torch.equal(found.largest.double(), expected)
        assert torch.equal(logits, kept)


@pytest.mark.parametrize("shape", [(1, 5), (8, 100), (21, 1000)])
def test_the_log_normalizer_is_log_sum_exp(shape):
    logits = torch.randn(shape) * 30
    torch.testing.assert_close(log_normalizer(logits), logits.logsumexp(dim=1))
    torch.testing.assert_close(log_normalizer(logits.bfloat16()), logits.bfloat16().float().logsumexp(dim=1))
