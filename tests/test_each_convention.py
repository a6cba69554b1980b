"""Each value of each row of the table of dialects changes what it says: one probe a row, run with every value.

A probe builds the thing with the value and measures it by a formula of its own. A row without a probe, or a choice
that no probe has seen, fails.
"""

from __future__ import annotations

import ast
import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.optim.adam import Adam

from aat_plugin import conventions
from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.conformance.search_tables import END, Table, TableModel, options
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy
from aat_plugin.training.lr_schedule import noam_rate
from aat_plugin.translation.beam_search import beam_search
from aat_plugin.translation.length_penalty import length_limits, sentence_limits

ROOT = Path(__file__).resolve().parents[1]
PAD = 1


def model(**given) -> Transformer:
    """A small model in float64, as it is initialised."""
    sizes = dict(num_layers=2, d_model=16, d_ff=24, num_heads=2, d_k=8, d_v=8, max_source_positions=20,
                 max_target_positions=20, dropout=0.0)
    return Transformer(TransformerConfig(30, 30, **{**sizes, **given})).double()


def tokens(length: int = 5) -> torch.Tensor:
    return torch.arange(4, 4 + length).unsqueeze(0)


def caught(module: torch.nn.Module, run) -> torch.Tensor:
    """The first input of `module` while `run()` runs."""
    seen: list[torch.Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    run()
    handle.remove()
    return seen[0]


def normalised(x: torch.Tensor) -> bool:
    """Whether each position has mean 0 and variance 1 (the norms' scale and bias are fresh)."""
    return bool(x.mean(-1).abs().max() < 1e-9 and (x.var(-1, unbiased=False) - 1).abs().max() < 0.05)


def normalize_before(value):
    made = model(normalize_before=value)
    attention = made.encoder.layers[1].self_attn.q_proj
    assert normalised(caught(attention, lambda: made.encode(tokens())))
    first = made.encoder.layers[0].self_attn.q_proj  # its input is the embeddings: normalised only where norms go first
    assert normalised(caught(first, lambda: made.encode(tokens()))) == value
    after = caught(made.encoder.layers[1], lambda: made.encode(tokens()))  # what layer 0 gives to layer 1
    assert normalised(after) != value


def final_norm(value):
    expected = {"with_pre_norm": (False, True), "never": (False, False), "always": (True, True)}[value]
    for before, wanted in zip((False, True), expected, strict=True):
        made = model(normalize_before=before, final_norm=value)
        assert (made.encoder.layer_norm is not None, made.decoder.layer_norm is not None) == (wanted, wanted)
        assert normalised(made.encode(tokens()).memory) == (wanted or not before)


def attention_bias(value):
    made = model(attention_bias=value, initialization="glorot")  # whose biases are 0
    names = [name for name, _ in made.named_parameters() if "attn." in name and name.endswith("bias")]
    assert len(names) == (3 * 2 * 4 if value else 0)
    attention = made.encoder.layers[0].self_attn
    x = torch.zeros(1, 3, 16, dtype=torch.float64)
    if value:
        torch.nn.init.constant_(attention.out_proj.bias, 2.0)
    assert attention(x, *attention.project_memory(x), None)[0].unique().tolist() == ([2.0] if value else [0.0])


def encoded_positions(**given) -> np.ndarray:
    """What is added to the first tokens' embeddings."""
    made = model(**given)
    torch.nn.init.zeros_(made.encoder.embed_tokens.weight)
    return caught(made.encoder.layers[0], lambda: made.encode(tokens())).numpy()[0]


def position_layout(value):
    rates = [10000 ** (-2 * i / 16) for i in range(8)]
    row = encoded_positions(position_layout=value)[3]
    sines, cosines = [math.sin(3 * rate) for rate in rates], [math.cos(3 * rate) for rate in rates]
    found = (row[:8], row[8:]) if value == "halves" else (row[0::2], row[1::2])
    np.testing.assert_allclose(found, (sines, cosines), atol=1e-12)


def position_frequencies(value):
    last = {"paper": 10000 ** (-14 / 16), "t2t": 1e-4}[value]
    np.testing.assert_allclose(encoded_positions(position_frequencies=value)[4, 14], math.sin(4 * last), rtol=1e-9)


def first_position(value):
    np.testing.assert_allclose(encoded_positions(first_position=value)[0, 0], math.sin(value), atol=1e-12)


def layer_norm_eps(value):
    norm = model(layer_norm_eps=value).decoder.layers[1].encoder_attn_layer_norm
    x = torch.tensor([1e-3, -1e-3] * 8, dtype=torch.float64)  # variance 1e-6: ε decides
    assert norm(x)[0].item() == pytest.approx(1e-3 / math.sqrt(1e-6 + value), rel=1e-9)


def initialization(value):
    largest = model(initialization=value, d_k=64, d_v=64).encoder.layers[0].self_attn.q_proj.weight.abs().max().item()
    bounds = {"glorot": 6 / (16 + 128), "joined": 6 / (16 + 3 * 128), "fairseq": 3 / (16 + 128)}
    bound = math.sqrt(bounds[value])
    assert 0.97 * bound < largest <= bound


def share_dropped(run, size: int) -> float:
    """The share of ones that became zero in the largest dropout with p > 0 of that last dimension."""
    shares = [0.0]
    original = torch.nn.functional.dropout

    def counted(x, p=0.5, training=True, inplace=False):
        if training and p > 0 and x.size(-1) == size:
            shares.append(float(original(torch.ones(100_000), p, True).eq(0).float().mean()))
        return original(x, p, training, inplace)

    torch.nn.functional.dropout = counted
    try:
        run()
    finally:
        torch.nn.functional.dropout = original
    return max(shares)


def attention_dropout(value):
    made = model(attention_dropout=value).train()
    assert share_dropped(lambda: made.encode(tokens(7)), size=7) == pytest.approx(value, abs=0.01)


def activation_dropout(value):
    made = model(activation_dropout=value).train()
    assert share_dropped(lambda: made.encode(tokens()), size=24) == pytest.approx(value, abs=0.01)


def decoder_start(value):
    made = model(decoder_start=value)
    memory = made.encode(tokens())
    first = caught(made.decoder.layers[0], lambda: made.decoder.decode(tokens(), memory))[0, 0]
    row = made.decoder.embed_tokens.weight[4] * 4.0  # sqrt(16)
    position = torch.tensor([0.0, 1.0] * 8, dtype=torch.float64)
    torch.testing.assert_close(first, position if value == "zero" else position + row.detach())


def target_space_embedding(value):
    made = model(target_space_embedding=value)
    names = dict(made.named_parameters())
    assert ("encoder.target_space.weight" in names) == value
    if value:
        assert names["encoder.target_space.weight"].shape == (32, 16)
        without = caught(made.encoder.layers[0], lambda: made.encode(tokens()))
        torch.nn.init.zeros_(made.encoder.target_space.weight[0])
        assert not torch.equal(without, caught(made.encoder.layers[0], lambda: made.encode(tokens())))


def smoothing_mass(value):
    logits = torch.zeros(1, 1, 6, dtype=torch.float64, requires_grad=True)
    SmoothedCrossEntropy(0.3, value, padding_idx=PAD).from_logits(logits, torch.tensor([[4]])).loss.backward()
    found = 1 / 6 - logits.grad[0, 0].numpy()  # the gradient is softmax minus the target distribution
    share = {"all": 0.3 / 6, "others": 0.3 / 5, "others_but_pad": 0.3 / 4}[value]
    expected = np.full(6, share)
    expected[4] = 0.7 + (share if value == "all" else 0)
    if value == "others_but_pad":
        expected[PAD] = 0
    np.testing.assert_allclose(found, expected, atol=1e-12)


def length_penalty(value):
    found = beam_search(TableModel(Table(3, 6), 1), torch.tensor([6]), options(length_penalty=value, alpha=0.7))[0]
    for hypothesis in found:
        n = len(hypothesis.tokens)
        by = {"gnmt": ((5 + n) / 6) ** 0.7, "power": n**0.7, "none": 1.0}[value]
        assert hypothesis.score == pytest.approx(hypothesis.log_prob / by)
    assert len({len(hypothesis.tokens) for hypothesis in found}) > 1


def stop_rule(value):
    table = Table(11, 6, end_bias=1.5)
    found = {}
    for rule in ("bound", "count"):
        asked = TableModel(table, 1)
        beam_search(asked, torch.tensor([12]), options(beam=4, stop_rule=rule, alpha=2.0))
        found[rule] = len(asked.rows_seen)
    asked = TableModel(table, 1)
    beam_search(asked, torch.tensor([12]), options(beam=4, stop_rule=value, alpha=2.0))
    assert len(asked.rows_seen) == found[value]
    assert found["count"] < found["bound"], "a long hypothesis could still win under α = 2, and count does not wait"


def length_limit(value):
    batch = torch.tensor([[5, 6, 7, 8, END], [5, END, 0, 0, 0]])
    limits = length_limits(value, batch, 1.0, 50, padding_idx=0, end_idx=END, longest=1000).tolist()
    assert limits == {"sentence": [54, 51], "batch": [55, 55]}[value]


def beam(value):
    asked = TableModel(Table(5, 9), 1)
    assert len(beam_search(asked, torch.tensor([5]), options(beam=value))[0]) == value
    assert max(asked.rows_seen) == value


def lenpen(value):
    best = beam_search(TableModel(Table(6, 6), 1), torch.tensor([6]), options(alpha=value))[0][0]
    assert best.score == pytest.approx(best.log_prob / ((5 + len(best.tokens)) / 6) ** value)


def max_len_a(value):
    assert sentence_limits(torch.tensor([7]), value, 3).tolist() == [math.floor(7 * value) + 3]


def max_len_b(value):
    assert sentence_limits(torch.tensor([7]), 1.0, value).tolist() == [7 + value]


def after_two_updates(betas: tuple[float, float], eps: float) -> float:
    """A parameter that started at 0, under Adam at rate 0.1 with gradients 1e-6 and then 3e-6."""
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float32))
    adam = Adam([parameter], lr=0.1, betas=betas, eps=eps)
    for gradient in (1e-6, 3e-6):
        parameter.grad = torch.tensor([gradient])
        adam.step()
    return parameter.item()


def adam_by_hand(betas: tuple[float, float], eps: float) -> float:
    """The same from Kingma and Ba's formulas, in the form at the end of their Section 2 that TensorFlow has too."""
    x = m = v = 0.0
    for step, gradient in enumerate((1e-6, 3e-6), start=1):
        m = betas[0] * m + (1 - betas[0]) * gradient
        v = betas[1] * v + (1 - betas[1]) * gradient**2
        x -= 0.1 * math.sqrt(1 - betas[1] ** step) / (1 - betas[0] ** step) * m / (math.sqrt(v) + eps)
    return x


def adam_betas(value):
    assert after_two_updates(ast.literal_eval(value), 1e-9) == pytest.approx(
        adam_by_hand(ast.literal_eval(value), 1e-9), rel=1e-4
    )
    assert adam_by_hand((0.9, 0.98), 1e-9) != pytest.approx(adam_by_hand((0.9, 0.997), 1e-9), rel=2e-4)


def adam_eps(value):
    # Gradients of about 1e-6 tell 1e-8 from 1e-9 by a percent.
    assert after_two_updates((0.9, 0.98), value) == pytest.approx(adam_by_hand((0.9, 0.98), value), rel=5e-4)
    assert adam_by_hand((0.9, 0.98), 1e-9) != pytest.approx(adam_by_hand((0.9, 0.98), 1e-8), rel=2e-3)


def warmup_updates(value):
    rates = {step: noam_rate(step, 512, value) for step in (value - 1, value, value + 1)}
    assert max(rates, key=rates.__getitem__) == value


def lr_factor(value):
    assert noam_rate(100, 512, 4000, value) == pytest.approx(value * 1.7469281e-05, rel=1e-7)


PROBES = {
    probe.__name__: probe
    for probe in (
        normalize_before, final_norm, attention_bias, position_layout, position_frequencies, first_position,
        layer_norm_eps, initialization, attention_dropout, activation_dropout, decoder_start, target_space_embedding,
        smoothing_mass, length_penalty, stop_rule, length_limit, beam, lenpen, max_len_a, max_len_b, adam_betas,
        adam_eps, warmup_updates, lr_factor,
    )
}


def values_of(row: conventions.Row) -> list[conventions.Value]:
    """Every value that the row has for a dialect or could be given by name; both for a switch."""
    if isinstance(row.values[0], bool):
        return [False, True]
    return list(dict.fromkeys([*row.values, *conventions.CHOICES.get(row.field, ())]))


CASES = [(row.field, value) for row in conventions.ROWS for value in values_of(row)]


@pytest.mark.parametrize(("field", "value"), CASES, ids=lambda case: str(case))
def test_each_value_of_each_row_does_what_it_says(field, value):
    PROBES[field](value)


def test_every_row_has_a_probe():
    assert set(PROBES) == {row.field for row in conventions.ROWS}


def test_the_page_of_differences_is_the_tables():
    script = runpy.run_path(str(ROOT / "scripts/write_differences.py"))
    assert {row.scope for row in conventions.ROWS} == set(script["SCOPES"])
    page = (ROOT / "docs/differences.md").read_text(encoding="utf-8")
    assert page == script["text"](), "docs/differences.md is behind the table: run scripts/write_differences.py"


def test_every_row_on_which_the_paper_is_silent_says_why_the_value_was_chosen():
    silent = [row for row in conventions.ROWS if row.paper_says == "silent"]
    assert {row.field for row in silent} >= {"layer_norm_eps", "initialization", "first_position", "final_norm"}
    assert all(len(row.why) > 30 for row in silent)
