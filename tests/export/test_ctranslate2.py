"""CTranslate2 computes what ours computes, and finds what ours finds under its rules."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
from ctranslate2.specs import transformer_spec
from hypothesis import given, settings
from hypothesis import strategies as st
from travelling import data_bin, dictionary, our_model, our_state, save_ours

from aat_plugin.errors import CheckpointError, ConfigError, DataError
from aat_plugin.export import ctranslate2_engine
from aat_plugin.export.ctranslate2_engine import Engine, Search, int8_overflows, rescored
from aat_plugin.export.ctranslate2_folder import export_ctranslate2, reasons_against
from aat_plugin.export.reasons import NotExpressibleError
from aat_plugin.translation.beam_search import beam_search
from aat_plugin.translation.length_penalty import length_penalty
from aat_plugin.translation.search_options import NextScores, SearchOptions

WORDS = dictionary()


def sentences(count, seed, longest=9):
    draw = random.Random(seed)
    return [[f"w{draw.randrange(16)}" for _ in range(draw.randint(1, longest))] for _ in range(count)]


def ids(words):
    return [WORDS.index(word) for word in words]


def log_probs(model, source, target):
    """Of each target token and the end symbol, (len(target) + 1,)."""
    previous = torch.tensor([[2, *ids(target)]])
    with torch.no_grad():
        output = torch.log_softmax(model(torch.tensor([[*ids(source), 2]]), None, previous)[0], dim=-1)
    return output[0].gather(1, torch.tensor([*ids(target), 2]).unsqueeze(1))[:, 0]


def engine_of(folder, **options):
    """A random model, and the engine that runs it."""
    dialect = options.pop("dialect", "paper")
    model, path = save_ours(folder / "ours.pt", data_bin(folder / "bin"), dialect, **options)
    export_ctranslate2(path, folder / "ct2")
    return model, Engine(folder / "ct2", threads=1)


def assert_same_probabilities(model, engine, seed):
    sources, targets = sentences(4, seed), sentences(4, seed + 1)
    for source, target, scored in zip(sources, targets, engine.translator.score_batch(sources, targets), strict=True):
        torch.testing.assert_close(
            torch.tensor(scored.log_probs), log_probs(model, source, target), rtol=0, atol=5e-5
        )


@pytest.mark.parametrize("options", [
    {}, dict(final_norm="always"), dict(normalize_before="true", final_norm="never"), dict(d_k=3, d_v=3),
    dict(d_k=12, d_v=12), dict(learned_positions="true"), dict(decoder_start="zero"),
    dict(share_all_embeddings="false", share_decoder_input_output_embed="false"), dict(target_space_embedding="true"),
])  # fmt: skip
def test_each_conventions_model_has_the_same_probabilities(tmp_path, dialect, options):
    model, engine = engine_of(tmp_path, dialect=dialect, **options)
    assert_same_probabilities(model, engine, 3)


@settings(max_examples=12, deadline=None)
@given(
    layout=st.sampled_from(["interleaved", "halves"]),
    frequencies=st.sampled_from(["paper", "t2t"]),
    first=st.integers(0, 4),
    pre_norm=st.booleans(),
    norm=st.sampled_from(["with_pre_norm", "always"]),
    bias=st.booleans(),
    eps=st.sampled_from([1e-3, 1e-5, 1e-6]),
    start=st.sampled_from(["eos", "zero"]),
    seed=st.integers(0, 1000),
)
def test_every_choice_has_the_same_probabilities(
    tmp_path_factory, layout, frequencies, first, pre_norm, norm, bias, eps, start, seed
):
    torch.manual_seed(seed)
    model, engine = engine_of(
        tmp_path_factory.mktemp("ct2"), position_layout=layout, position_frequencies=frequencies, first_position=first,
        normalize_before=str(pre_norm), final_norm=norm, attention_bias=str(bias), layer_norm_eps=eps,
        decoder_start=start,
    )  # fmt: skip
    assert_same_probabilities(model, engine, seed)


class Steps:
    """A model behind our search, without any cache: the plainest reading of `NextTokens`."""

    def __init__(self, model, source):
        self.model, self.source = model, torch.tensor([[*ids(source), 2]])

    def scores(self, tokens):
        with torch.no_grad():
            output = self.model(self.source.expand(tokens.size(0), -1), None, tokens)[0][:, -1]
        return NextScores(torch.log_softmax(output, dim=-1))

    def reorder(self, rows, sentences):
        """Nothing is kept."""


def ours(model, source, how, stop):
    options = SearchOptions(
        beam=how.beam, alpha=how.alpha, length_penalty=how.penalty, stop_rule=stop, padding_idx=1, end_idx=2,
        unk_idx=3, start_idx=2, nbest=1,
    )  # fmt: skip
    limit = int(how.max_len_a * len(source) + how.max_len_b)
    best = beam_search(Steps(model, source), torch.tensor([limit]), options)[0][0]
    return [WORDS[one] for one in best.tokens.tolist()[:-1]], best.score


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    """A model that copies its source roughly, so that sentences end and padding is unlikely; and its engine."""
    torch.manual_seed(1)
    model, _, section = our_model(num_layers=1, d_model=32, d_ff=64)
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(500):
        rows = [ids(one) for one in sentences(16, step, longest=6)]
        width = max(map(len, rows))
        source = torch.tensor([[1] * (width - len(row)) + [*row, 2] for row in rows])
        previous = torch.tensor([[2, *row] + [1] * (width - len(row)) for row in rows])
        target = torch.tensor([[*row, 2] + [1] * (width - len(row)) for row in rows])
        loss = torch.nn.functional.cross_entropy(
            model(source, None, previous)[0].flatten(0, 1), target.flatten(), ignore_index=1, label_smoothing=0.05
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
    folder = tmp_path_factory.mktemp("trained")
    torch.save(our_state(model.eval(), section, data_bin(folder / "bin")), folder / "ours.pt")
    export_ctranslate2(folder / "ours.pt", folder / "ct2")
    return model, Engine(folder / "ct2", threads=1), folder


@pytest.mark.parametrize("how", [
    Search(4, 1.0, "power", 0, 15), Search(4, 0.6, "power", 1, 2), Search(5, 0.6, "power", 0, 4),
    Search(2, 1.5, "power", 0, 15), Search(4, 1.0, "none", 0, 12), Search(1, 1.0, "power", 1, 5),
])  # fmt: skip
def test_its_own_search_finds_what_ours_finds(translator, how):
    model, engine, _ = translator
    sources = sentences(40, 1000)
    different = 0
    for source, hypotheses in zip(sources, engine.translate(sources, how), strict=True):
        words, score = ours(model, source, how, "count")
        if hypotheses[0].tokens == words:
            assert hypotheses[0].score == pytest.approx(score, abs=1e-4)
        else:
            # In its last step CTranslate2 takes in all that ends, also beyond the beam, and so may find a better one.
            assert hypotheses[0].score > score - 1e-4
            different += 1
    assert different <= 2


def test_its_n_best_ranked_anew_is_the_papers_search(translator):
    model, engine, _ = translator
    sources = sentences(40, 2000)
    same = 0
    for source, hypotheses in zip(sources, engine.translate(sources), strict=True):
        words, score = ours(model, source, Search(), "bound")
        same += hypotheses[0].tokens == words
        if hypotheses[0].tokens == words:
            assert hypotheses[0].score == pytest.approx(score, abs=1e-4)
        else:
            assert hypotheses[0].score < score + 1e-4  # the bound goes on until nothing better can come
        for one in hypotheses:
            expected = log_probs(model, source, one.tokens).sum().item()
            assert one.log_prob == pytest.approx(expected, abs=1e-3)
            assert one.score == pytest.approx(one.log_prob / length_penalty("gnmt", len(one.tokens) + 1, 0.6))
    assert same >= 35


def test_each_sentence_has_its_own_limit_and_the_order_stays(translator):
    _, engine, _ = translator
    sources = sentences(30, 5)
    how = Search(4, 0.6, "power", 1, 0)
    together = engine.translate(sources, how)
    for source, found in zip(sources, together, strict=True):
        alone = engine.translate([source], how)[0]
        assert found[0].tokens == alone[0].tokens
        assert found[0].score == pytest.approx(alone[0].score, abs=1e-4)
    assert all(len(one[0].tokens) <= len(source) for one, source in zip(together, sources, strict=True))


def test_blank_and_over_long_sources_have_one_empty_hypothesis(translator):
    _, engine, _ = translator
    found = engine.translate([[], ["w1"] * 24, ["w1"] * 23, ["nobody's"]])
    assert [one[0].tokens == [] for one in found] == [True, True, False, False]


def test_the_ranking_leaves_out_what_says_nothing_or_padding():
    ranked = rescored([(["a"], -2.0), ([], -0.1), (["<blank>"], -0.1), (["a", "b", "c"], -2.0)], "gnmt", 0.6)
    assert [one.tokens for one in ranked] == [["a", "b", "c"], ["a"]]
    assert ranked[0].score == pytest.approx(-2.0 / ((5 + 4) / 6) ** 0.6)


@pytest.mark.parametrize(("options", "word"), [
    (dict(beam=0), "beam"), (dict(penalty="gnomt"), "gnmt"), (dict(patience=0.5), "patience"),
])  # fmt: skip
def test_a_search_that_cannot_work_is_named(options, word):
    with pytest.raises(ConfigError, match=word):
        Search(**options)


def test_a_limit_that_lets_nothing_be_said_is_named(translator):
    with pytest.raises(ConfigError, match="--max-len-b"):
        translator[1].translate([["w1"]], Search(max_len_a=0, max_len_b=0))


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16", "int16", "int8", "int8_float32", "int8_bfloat16"])
def test_each_quantization_translates(translator, tmp_path, kind, caplog):
    model, engine, folder = translator
    done = export_ctranslate2(folder / "ours.pt", tmp_path / kind, kind, int8_bits=7 if int8_overflows() else 8)
    sources = sentences(20, 9)
    exact = engine.translate(sources)
    found = Engine(tmp_path / kind, threads=1).translate(sources)
    same = sum(one[0].tokens == other[0].tokens for one, other in zip(exact, found, strict=True))
    if kind == "int16" and int8_overflows():
        assert "overflow" in caplog.text  # CTranslate2 has no int16 there, and computes in 8 bits
    else:
        assert same >= (20 if kind == "float32" else 15)
        assert not caplog.text
    assert done.bytes == sum(file.stat().st_size for file in (tmp_path / kind).iterdir())
    assert isinstance(model, torch.nn.Module)


@pytest.mark.parametrize(("bits", "largest"), [(8, 127), (7, 63)])
def test_int8_weights_have_so_many_bits_and_are_near(translator, tmp_path, bits, largest, monkeypatch):
    stored = {}

    def keep(spec, _):
        found = spec.variables().items()  # one that is like another is only named
        stored.update({name: value.numpy().copy() for name, value in found if not isinstance(value, str)})

    monkeypatch.setattr(transformer_spec.TransformerSpec, "save", keep)
    export_ctranslate2(translator[2] / "ours.pt", tmp_path / "exact", "float32")
    exact = dict(stored)
    export_ctranslate2(translator[2] / "ours.pt", tmp_path / "int8", "int8", int8_bits=bits)
    weights = [name for name, value in stored.items() if value.dtype == np.int8 and value.ndim == 2]
    assert len(weights) > 10
    for name in weights:
        assert np.abs(stored[name].astype(int)).max(axis=1).tolist() == [largest] * len(stored[name])
        scale = stored[name + "_scale"][:, None]
        assert np.abs(stored[name] / scale - exact[name]).max() <= (0.501 / scale).max()


def test_it_is_said_where_sums_of_int8_products_overflow(translator, tmp_path, monkeypatch, caplog):
    for bits in (8, 7):
        export_ctranslate2(translator[2] / "ours.pt", tmp_path / f"{bits}", "int8", int8_bits=bits)
    for overflows, said in ((False, []), (True, [str(tmp_path / "8")])):
        monkeypatch.setattr(ctranslate2_engine, "int8_overflows", lambda found=overflows: found)
        caplog.clear()
        for bits in (8, 7):
            Engine(tmp_path / f"{bits}", threads=1)
        assert [line.split(":")[0] for line in caplog.messages] == said
        assert all("--int8-bits 7" in line for line in caplog.messages)


def test_a_type_that_the_machine_has_not_is_one_line_with_a_way_out(translator, tmp_path):
    export_ctranslate2(translator[2] / "ours.pt", tmp_path / "ct2")
    with pytest.raises(ConfigError, match=r"cannot run .*float16.*; take --precision float32$") as caught:
        Engine(tmp_path / "ct2", compute_type="float16")  # no processor has it
    assert "\n" not in str(caught.value)


def test_other_bits_are_refused(translator, tmp_path):
    with pytest.raises(ConfigError, match="--int8-bits"):
        export_ctranslate2(translator[2] / "ours.pt", tmp_path / "six", "int8", int8_bits=6)


def test_the_folder_holds_what_ctranslate2_reads_by_itself(translator, tmp_path):
    folder = translator[2]
    export_ctranslate2(folder / "ours.pt", tmp_path / "ct2", "int8")
    config = json.loads((tmp_path / "ct2" / "config.json").read_text())
    assert (config["decoder_start_token"], config["add_source_eos"], config["convention"]) == ("</s>", True, "paper")
    plain = ctranslate2.Translator(str(tmp_path / "ct2"), device="cpu")
    assert plain.translate_batch([["w1", "w2"]])[0].hypotheses[0]


def test_what_it_cannot_express_is_listed_and_nothing_is_written(tmp_path):
    _, path = save_ours(tmp_path / "ours.pt", data_bin(tmp_path / "bin"), d_k=4, d_v=6, restricted_attention=3)
    with pytest.raises(NotExpressibleError) as refused:
        export_ctranslate2(path, tmp_path / "ct2")
    assert "restricted_attention=3" in str(refused.value)
    assert "d_k=4 and d_v=6" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ct2").exists()


def test_a_dictionary_with_other_special_symbols_is_a_reason(tmp_path):
    from aat_plugin.bindings.dictionaries import read_dictionaries

    _, config, _ = our_model()
    both = read_dictionaries({}, data_bin(tmp_path / "bin"), (20, 20), Path("x.pt"))
    assert reasons_against(config, both) == []
    other = dataclasses.replace(both[0], symbols=["<pad>", "<s>", *both[0].symbols[2:-1], "<blank>"])
    assert len(reasons_against(config, (other, both[1]))) == 3


def test_mistakes_are_one_line(tmp_path, translator):
    folder = translator[2]
    with pytest.raises(ConfigError, match="int8"):
        export_ctranslate2(folder / "ours.pt", tmp_path / "ct2", "int7")
    with pytest.raises(DataError, match="exists already"):
        export_ctranslate2(folder / "ours.pt", folder / "ct2")
    with pytest.raises(CheckpointError, match="does not exist"):
        export_ctranslate2(folder / "nothing.pt", tmp_path / "ct2")
    with pytest.raises(CheckpointError, match="cannot read"):
        Engine(tmp_path)
    with pytest.raises(ConfigError, match="int7"):
        Engine(folder / "ct2", compute_type="int7")


@pytest.mark.parametrize("damage", [
    lambda place: (place / "model.bin").write_bytes((place / "model.bin").read_bytes()[:3000]),
    lambda place: (place / "model.bin").write_bytes(b"nothing"),
    lambda place: (place / "model.bin").unlink(),
    lambda place: (place / "config.json").write_text("{"),
    lambda place: (place / "config.json").write_text("[]"),
    lambda place: (place / "shared_vocabulary.json").unlink(),
])  # fmt: skip
def test_a_damaged_folder_is_one_line(translator, tmp_path, damage):
    export_ctranslate2(translator[2] / "ours.pt", tmp_path / "ct2")
    damage(tmp_path / "ct2")
    with pytest.raises((CheckpointError, ConfigError)) as refused:
        Engine(tmp_path / "ct2")
    assert "\n" not in str(refused.value)
