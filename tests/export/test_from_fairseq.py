"""Stock checkpoints of any size become the plugin's: same logits, same optimizer, or all reasons why not."""

from __future__ import annotations

from argparse import Namespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from travelling import (
    LONGEST,
    batch,
    build_stock,
    logits,
    our_model,
    our_state,
    randomised,
    save_stock,
    stock_options,
    stock_state,
)

from aat_plugin.architecture import Transformer
from aat_plugin.bindings.saved_model import read_model
from aat_plugin.errors import AatError, CheckpointError, UnsafeCheckpointError
from aat_plugin.export.from_fairseq import import_fairseq
from aat_plugin.export.reasons import NotExpressibleError
from aat_plugin.export.to_fairseq import export_fairseq


def taken_in(path, output):
    """What was imported, as a running model of ours."""
    import_fairseq(path, output)
    saved = read_model(output)
    model = Transformer(saved.config).eval()
    model.load_state_dict(saved.weights)
    return model, saved


@settings(max_examples=20, deadline=None)
@given(
    pre_norm=st.booleans(),
    learned=st.booleans(),
    sharing=st.sampled_from([(True, True), (False, True), (False, False)]),
    heads=st.sampled_from([1, 2, 4]),
    layers=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_a_stock_model_of_any_size_has_the_same_logits_here(
    tmp_path_factory, pre_norm, learned, sharing, heads, layers, seed
):
    torch.manual_seed(seed)
    folder = tmp_path_factory.mktemp("stock")
    both = {"normalize_before": pre_norm, "learned_pos": learned, "attention_heads": heads, "layers": layers}
    sides = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in both.items()}
    shared = {"share_all_embeddings": sharing[0], "share_decoder_input_output_embed": sharing[1]}
    stock = save_stock(folder / "stock.pt", **sides, **shared)
    model, _ = taken_in(folder / "stock.pt", folder / "ours.pt")
    source, target = batch(seed=seed)
    torch.testing.assert_close(logits(model, source, target), logits(stock, source, target), rtol=0, atol=1e-5)


@pytest.mark.parametrize("arch", ["transformer_tiny", "transformer_iwslt_de_en", "transformer_wmt_en_de_big_t2t"])
def test_what_an_architecture_leaves_to_its_defaults_is_filled_in(tmp_path, arch):
    given = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_embed_dim": 8, "decoder_ffn_embed_dim": 8}
    given |= {"encoder_embed_dim": 16, "decoder_embed_dim": 16, "share_decoder_input_output_embed": True}
    model = randomised(build_stock(dict(given), arch=arch))
    torch.save(stock_state(model, given, arch), tmp_path / "stock.pt")
    done = import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")
    config = read_model(tmp_path / "ours.pt").config
    assert done.arch == arch
    assert config.num_heads == {"transformer_tiny": 2, "transformer_iwslt_de_en": 4}.get(arch, 16)
    assert config.normalize_before == arch.endswith("t2t")
    assert config.attention_dropout == (0.1 if arch.endswith("t2t") else 0.0)
    assert config.max_source_positions == 1024


def test_options_that_an_old_checkpoint_keeps_as_args_are_read(tmp_path):
    stock = save_stock(tmp_path / "new.pt")
    state = torch.load(tmp_path / "new.pt", weights_only=False)
    args = {**vars(state["cfg"]["model"]), "arch": "transformer_wmt_en_de", "task": "translation", "relu_dropout": 0.2}
    args |= {"source_lang": "src", "target_lang": "tgt", "criterion": "label_smoothed_cross_entropy"}
    args |= {"data": ["nowhere"], "label_smoothing": 0.1, "optimizer": "adam", "lr": [0.1]}
    args |= {"lr_scheduler": "inverse_sqrt", "left_pad_source": "True", "left_pad_target": "False"}
    del args["_name"]
    del state["cfg"]
    torch.save({**state, "args": Namespace(**args)}, tmp_path / "old.pt")
    model, saved = taken_in(tmp_path / "old.pt", tmp_path / "ours.pt")
    source, target = batch()
    torch.testing.assert_close(logits(model, source, target), logits(stock, source, target), rtol=0, atol=1e-5)
    assert saved.config.activation_dropout == 0.2
    assert saved.sections["task"]["source_lang"] == "src"


def test_the_names_of_stocks_first_years_are_understood_as_stock_understands_them(tmp_path):
    asked = stock_options(share_all_embeddings=False, share_decoder_input_output_embed=False)
    new = randomised(build_stock(dict(asked)))
    state = stock_state(new, asked)
    state["model"] = old = as_in_2018(new.state_dict())
    torch.save(state, tmp_path / "old.pt")
    witness = build_stock(dict(asked))
    witness.load_state_dict(dict(old), strict=True)  # fairseq's own upgrade
    model, _ = taken_in(tmp_path / "old.pt", tmp_path / "ours.pt")
    source, target = batch()
    expected = logits(witness, source, target)
    torch.testing.assert_close(expected, logits(new, source, target))
    torch.testing.assert_close(logits(model, source, target), expected, rtol=0, atol=1e-5)


def as_in_2018(weights):
    """Merged projections, numbered norms, and the projection under its first name."""
    old = {}
    norms = {"encoder": ["self_attn_layer_norm", "final_layer_norm"]}
    norms["decoder"] = ["self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"]
    for name, tensor in weights.items():
        parts = name.split(".")
        if "q_proj" in parts:
            stem = name.partition("q_proj")[0]
            merged = [weights[f"{stem}{one}.{parts[-1]}"] for one in ("q_proj", "k_proj", "v_proj")]
            old[f"{stem}in_proj_{parts[-1]}"] = torch.cat(merged)
        elif "layers" in parts and parts[3] in norms[parts[0]]:
            old[".".join([*parts[:3], "layer_norms", str(norms[parts[0]].index(parts[3])), parts[4]])] = tensor
        elif name == "decoder.output_projection.weight":
            old["decoder.embed_out"] = tensor
        elif "k_proj" not in parts and "v_proj" not in parts:
            old[name] = tensor
    return old


def test_pre_norm_of_an_early_version_has_no_final_norm_in_stock_and_none_here(tmp_path):
    asked = stock_options(encoder_normalize_before=True, decoder_normalize_before=True)
    stock = randomised(build_stock(dict(asked)))
    state = stock_state(stock, asked)
    early = {name: tensor for name, tensor in stock.state_dict().items() if "coder.layer_norm" not in name}
    early |= {"encoder.version": torch.tensor([1.0]), "decoder.version": torch.tensor([1.0])}
    torch.save({**state, "model": early}, tmp_path / "stock.pt")
    witness = build_stock(dict(asked))
    witness.load_state_dict(dict(early), strict=True)
    model, saved = taken_in(tmp_path / "stock.pt", tmp_path / "ours.pt")
    assert saved.config.final_norm == "never"
    source, target = batch()
    expected = logits(witness.eval().double(), source, target)
    torch.testing.assert_close(logits(model.double(), source, target), expected, rtol=0, atol=1e-5)


def test_our_model_comes_home_from_stock_unchanged(tmp_path, dialect):
    model, _, section = our_model(dialect, layer_norm_eps=1e-5)
    torch.save(our_state(model, section), tmp_path / "ours.pt")
    export_fairseq(tmp_path / "ours.pt", tmp_path / "stock.pt")
    back, saved = taken_in(tmp_path / "stock.pt", tmp_path / "back.pt")
    source, target = batch()
    torch.testing.assert_close(logits(back, source, target), logits(model, source, target), rtol=0, atol=1e-5)
    assert saved.updates == 7
    assert saved.config.max_source_positions == LONGEST


def adam_of(model):
    """Adam with a large ε: the keys' biases have no gradient but rounding, of which ε = 1e-8 would make whole steps."""
    return torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.9, 0.98), eps=1e-4)


def trained(model, steps, source, target, optimizer=None):
    """`steps` updates of Adam on one batch, without dropout."""
    optimizer = optimizer or adam_of(model)
    following = torch.nn.functional.pad(target[:, 1:], (0, 1), value=1)
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(source, source.ne(1).sum(1), target)[0]
        torch.nn.functional.cross_entropy(output.flatten(0, 1), following.flatten(), ignore_index=1).backward()
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_adam_goes_on_where_it_stood(tmp_path, learned, shared):
    asked = stock_options(encoder_learned_pos=learned, decoder_learned_pos=learned, share_all_embeddings=shared)
    stock = build_stock(dict(asked)).double()
    source, target = batch()
    optimizer = trained(stock, 3, source, target)
    torch.save({**stock_state(stock, asked), "last_optimizer_state": optimizer.state_dict()}, tmp_path / "stock.pt")
    assert import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt").optimizer
    state = torch.load(tmp_path / "ours.pt", weights_only=False)
    saved = read_model(tmp_path / "ours.pt")
    ours = Transformer(saved.config).double().eval()
    ours.load_state_dict(saved.weights)
    adam = adam_of(ours)
    adam.load_state_dict(state["last_optimizer_state"])
    trained(stock, 3, source, target, optimizer)
    trained(ours, 3, source, target, adam)
    theirs, here = stock.state_dict(), ours.state_dict()
    for name, tensor in here.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=2e-5, msg=name)
    assert state["optimizer_history"][-1]["criterion_name"] == "AatLabelSmoothingCriterion"


def test_one_long_vector_of_half_precision_is_cut_and_joined(tmp_path):
    asked = stock_options()
    stock = build_stock(dict(asked))
    source, target = batch()
    each = trained(stock, 2, source, target).state_dict()
    flat = {key: torch.cat([one[key].flatten() for one in each["state"].values()]) for key in ("exp_avg", "exp_avg_sq")}
    state = {"state": {0: {"step": 2, **flat}}, "param_groups": [{**each["param_groups"][0], "params": [0]}]}
    state["loss_scale"] = 8.0
    torch.save({**stock_state(stock, asked), "last_optimizer_state": state}, tmp_path / "flat.pt")
    torch.save({**stock_state(stock, asked), "last_optimizer_state": each}, tmp_path / "each.pt")
    for name in ("flat", "each"):
        assert import_fairseq(tmp_path / f"{name}.pt", tmp_path / f"our_{name}.pt").optimizer
    long, short = (torch.load(tmp_path / f"our_{name}.pt")["last_optimizer_state"] for name in ("flat", "each"))
    for key in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(long["state"][0][key], torch.cat([one[key].flatten() for one in short["state"].values()]))
    assert (long["loss_scale"], long["state"][0]["step"], long["param_groups"][0]["params"]) == (8.0, 2, [0])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda state: state["optimizer_history"][-1].update(criterion_name="CtcCriterion"), "CtcCriterion"),
        (lambda state: state["last_optimizer_state"]["param_groups"].append({}), "more than one group"),
        (lambda state: state["last_optimizer_state"]["state"].popitem(), "parameters"),
        (lambda state: state["last_optimizer_state"]["state"][0].update(exp_avg=torch.zeros(3)), "shape"),
    ],
)
def test_an_optimizer_that_is_not_understood_is_left_out_and_it_is_said_why(tmp_path, change, why):
    asked = stock_options()
    stock = build_stock(dict(asked))
    optimizer = trained(stock, 1, *batch())
    state = {**stock_state(stock, asked), "last_optimizer_state": optimizer.state_dict()}
    change(state)
    torch.save(state, tmp_path / "stock.pt")
    done = import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")
    assert not done.optimizer
    assert why in done.left_out
    assert "last_optimizer_state" not in torch.load(tmp_path / "ours.pt")


def test_all_reasons_are_given_at_once_and_nothing_is_written(tmp_path):
    save_stock(tmp_path / "stock.pt")
    state = torch.load(tmp_path / "stock.pt", weights_only=False)
    options = state["cfg"]["model"]
    options.activation_fn, options.layernorm_embedding, options.decoder_layers = "gelu", True, 6
    options.encoder_layerdrop, options.no_scale_embedding, options.decoder_output_dim = 0.2, True, 8
    state["cfg"]["task"]["_name"] = "translation_multi_simple_epoch"
    torch.save(state, tmp_path / "stock.pt")
    with pytest.raises(NotExpressibleError) as refused:
        import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")
    for part in ("activation_fn='gelu'", "layernorm_embedding", "encoder_layers=2 and decoder_layers=6", "layerdrop",
                 "no_scale_embedding", "decoder_output_dim", "task=translation_multi_simple_epoch"):
        assert part in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(refused.value.reasons) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stock.pt"]


@pytest.mark.parametrize("option", [
    dict(cross_self_attention=True), dict(no_cross_attention=True), dict(adaptive_softmax_cutoff=[10]),
    dict(adaptive_input=True), dict(quant_noise_pq=0.1), dict(quant_noise_scalar=0.5), dict(merge_src_tgt_embed=True),
    dict(no_token_positional_embeddings=True), dict(decoder_layers_to_keep="0,1"), dict(base_layers=2),
    dict(encoder_attention_heads=4), dict(decoder_ffn_embed_dim=8), dict(encoder_normalize_before=True),
    dict(decoder_learned_pos=True), dict(decoder_layerdrop=0.1),
    dict(encoder_normalize_before=True, decoder_normalize_before=True, no_decoder_final_norm=True),
])  # fmt: skip
def test_each_option_that_ours_lacks_is_a_reason(tmp_path, option):
    save_stock(tmp_path / "stock.pt")
    state = torch.load(tmp_path / "stock.pt", weights_only=False)
    vars(state["cfg"]["model"]).update(option)
    torch.save(state, tmp_path / "stock.pt")
    with pytest.raises(NotExpressibleError) as refused:
        import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")
    assert len(refused.value.reasons) == 1
    name = "final norm" if "no_decoder_final_norm" in option else next(iter(option))
    assert name in refused.value.reasons[0]


HOSTILE = {
    "another architecture": lambda state: vars(state["cfg"]["model"]).update(arch="lstm", _name="lstm"),
    "an unknown architecture": lambda state: vars(state["cfg"]["model"]).update(arch="../x", _name="../x"),
    "no weights": lambda state: state["model"].clear(),
    "a weight that is no tensor": lambda state: state["model"].update({"encoder.embed_tokens.weight": 3}),
    "a weight of another shape": lambda state: state["model"].update({"decoder.layers.0.fc1.bias": torch.zeros(3)}),
    "a weight too many": lambda state: state["model"].update({"encoder.extra": torch.zeros(3)}),
    "a billion layers": lambda state: vars(state["cfg"]["model"]).update(encoder_layers=10**9, decoder_layers=10**9),
    "an endless width": lambda state: vars(state["cfg"]["model"]).update(
        encoder_embed_dim=10**15, decoder_embed_dim=10**15, decoder_input_dim=10**15, decoder_output_dim=10**15
    ),
    "text for a number": lambda state: vars(state["cfg"]["model"]).update(
        encoder_ffn_embed_dim="wide", decoder_ffn_embed_dim="wide"
    ),
    "no model section": lambda state: state["cfg"].pop("model"),
    "a history that is none": lambda state: state.update(optimizer_history=[3]),
    "no history": lambda state: state.pop("optimizer_history"),
    "embeddings that should be one": lambda state: state["model"].update(
        {"decoder.embed_tokens.weight": torch.ones(20, 16)}
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line_and_nothing_is_written(tmp_path, name):
    save_stock(tmp_path / "stock.pt")
    state = torch.load(tmp_path / "stock.pt", weights_only=False)
    HOSTILE[name](state)
    torch.save(state, tmp_path / "stock.pt")
    with pytest.raises(AatError) as refused:
        import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")
    assert "\n" not in str(refused.value)
    assert "stock.pt" in str(refused.value) or "sizes" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stock.pt"]


def test_options_that_fairseq_would_evaluate_are_refused(tmp_path):
    save_stock(tmp_path / "stock.pt")
    state = torch.load(tmp_path / "stock.pt", weights_only=False)
    state["cfg"]["model"].adaptive_softmax_cutoff = "__import__('os').system('true')"
    torch.save(state, tmp_path / "stock.pt")
    with pytest.raises(UnsafeCheckpointError):
        import_fairseq(tmp_path / "stock.pt", tmp_path / "ours.pt")


def test_a_truncated_or_missing_file_is_one_line(tmp_path):
    save_stock(tmp_path / "stock.pt")
    whole = (tmp_path / "stock.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    for name in ("cut.pt", "missing.pt"):
        with pytest.raises(CheckpointError):
            import_fairseq(tmp_path / name, tmp_path / "ours.pt")


def test_our_own_checkpoint_is_refused_with_a_hint(tmp_path):
    model, _, section = our_model()
    torch.save(our_state(model, section), tmp_path / "ours.pt")
    with pytest.raises(CheckpointError, match="plugin's already"):
        import_fairseq(tmp_path / "ours.pt", tmp_path / "again.pt")
