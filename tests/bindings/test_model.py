"""The model under fairseq's interface: names, presets, sharing, what a checkpoint stores, incremental decoding."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.distributed import ModuleProxyWrapper
from fairseq.models.transformer import TransformerModelBase
from fairseq.models.transformer.transformer_config import TransformerConfig as StockConfig
from omegaconf import OmegaConf
from torch import nn

from aat_plugin.bindings import model as models
from aat_plugin.bindings.model import AatTransformerModel, transformer_config
from aat_plugin.conventions import DIALECTS
from aat_plugin.errors import ConfigError

SIZES = dict(num_layers=2, d_model=16, d_ff=24, num_heads=2, max_source_positions=50, max_target_positions=50)


def dictionary(size: int) -> Dictionary:
    words = Dictionary()
    for number in range(size):
        words.add_symbol(f"w{number}")
    return words


@pytest.fixture
def task():
    """A task over one joint dictionary of 34 types."""
    joint = dictionary(30)
    return SimpleNamespace(source_dictionary=joint, target_dictionary=joint)


def section(**options):
    defaults = OmegaConf.to_container(OmegaConf.structured(models.AatTransformerConfig), resolve=False)
    return OmegaConf.create({"model": {**defaults, **SIZES, **options}}).model


@pytest.fixture
def batch():
    """Sources of 3 to 6 tokens padded on the left, and targets of 2 to 5 behind the end symbol."""
    source = torch.randint(4, 34, (3, 6))
    source[0, :3] = source[1, :1] = 1
    target = torch.randint(4, 34, (3, 5))
    target[2, 2:] = 1
    return source, torch.cat([torch.full((3, 1), 2), target[:, :-1]], dim=1)


@pytest.mark.parametrize(("preset", "sizes"), [
    ("Base", (6, 512, 2048, 8, 0.1)), ("Big", (6, 1024, 4096, 16, 0.3)), ("Parsing", (4, 1024, 2048, 8, 0.1)),
    ("Tiny", (4, 128, 256, 4, 0.1)), ("", (6, 512, 2048, 8, 0.1)),
])  # fmt: skip
def test_a_presets_sizes_are_the_papers_rows(preset, sizes):
    config = getattr(models, f"AatTransformer{preset}Config")()
    assert (config.num_layers, config.d_model, config.d_ff, config.num_heads, config.dropout) == sizes


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("normalize_before", [True, False])
def test_parameter_names_and_shapes_are_stock_fairseqs(task, shared, normalize_before):
    ours = AatTransformerModel.build_model(
        section(convention="fairseq", normalize_before=normalize_before, share_all_embeddings=shared), task
    )
    stock = StockConfig()
    stock.share_all_embeddings, stock.share_decoder_input_output_embed = shared, True
    for side in (stock.encoder, stock.decoder):
        side.layers, side.embed_dim, side.ffn_embed_dim, side.attention_heads = 2, 16, 24, 2
        side.normalize_before = normalize_before
    stock.decoder.output_dim = stock.decoder.input_dim = 16
    stock.max_source_positions = stock.max_target_positions = 50
    theirs = TransformerModelBase.build_model(stock, task)
    wanted = {name: tuple(value.shape) for name, value in theirs.state_dict().items() if not name.endswith("version")}
    buffers = {"encoder.embed_positions._float_tensor", "decoder.embed_positions._float_tensor"}
    assert {name: tuple(value.shape) for name, value in ours.state_dict().items()} == {
        name: shape for name, shape in wanted.items() if name not in buffers
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_stored_builds_the_same_model_whatever_the_defaults_are(task, dialect):
    cfg = section(convention=dialect, final_norm="always", d_k=5)
    first = AatTransformerModel.build_model(cfg, task)
    again = OmegaConf.create({"model": OmegaConf.to_container(cfg)}).model
    again.convention = next(other for other in DIALECTS if other != dialect)
    assert transformer_config(again, task.source_dictionary, task.target_dictionary)[0] == first.config
    assert not [name for name, value in OmegaConf.to_container(cfg).items()
                if value is None and name not in {"_name", "restricted_attention"}]  # fmt: skip


def test_the_next_word_is_given_where_the_task_knows_its_leaves(task):
    assert AatTransformerModel.build_model(section(), task).config.counted_symbols == ()
    with pytest.raises(ConfigError, match=r"next_word is for trees.*aat_parsing"):
        AatTransformerModel.build_model(section(next_word="true"), task)
    task.leaf_symbols = lambda: [5, 7]
    cfg = section(next_word="true")
    assert AatTransformerModel.build_model(cfg, task).config.counted_symbols == (5, 7)
    assert cfg.next_word == "true"


def test_embeddings_are_shared_by_default_exactly_where_the_dictionaries_are_equal(task):
    assert AatTransformerModel.build_model(section(), task).config.share_all_embeddings
    apart = SimpleNamespace(source_dictionary=dictionary(20), target_dictionary=dictionary(30))
    model = AatTransformerModel.build_model(section(), apart)
    assert not model.config.share_all_embeddings
    assert model.decoder.output_projection.weight is model.decoder.embed_tokens.weight
    with pytest.raises(ConfigError, match=r"share_all_embeddings needs one joint dictionary.*24 types.*34.*--joined"):
        AatTransformerModel.build_model(section(share_all_embeddings="true"), apart)


def test_fairseqs_incremental_interface_gives_the_full_forwards_logits(task, batch):
    model = AatTransformerModel.build_model(section(dropout=0.0), task).double().eval()
    source, previous = batch
    logits, extra = model(source, None, previous)
    encoded = model.encoder(source)
    state: dict[str, object] = {}
    steps = [model.decoder(previous[:, : length + 1], encoded, state) for length in range(previous.size(1))]
    torch.testing.assert_close(torch.cat([step for step, _ in steps], dim=1), logits, rtol=0, atol=1e-12)
    torch.testing.assert_close(torch.cat([attn["attn"][0] for _, attn in steps], dim=1), extra["attn"][0])
    assert extra["attn"][0].shape == (3, 5, 6)
    torch.testing.assert_close(extra["attn"][0].sum(-1), torch.ones(3, 5, dtype=torch.float64))


def test_rows_of_encoder_output_and_cache_follow_the_beam(task, batch):
    model = AatTransformerModel.build_model(section(dropout=0.0), task).double().eval()
    source, previous = batch
    order = torch.tensor([2, 0, 0, 1])
    encoded, state = model.encoder(source), {}
    model.decoder(previous[:, :1], encoded, state)
    model.decoder.reorder_incremental_state(state, order)
    moved = model.encoder.reorder_encoder_out(encoded, order)
    step, _ = model.decoder(previous[order][:, :2], moved, state)
    expected, _ = model(source[order], None, previous[order][:, :2])
    torch.testing.assert_close(step[:, -1], expected[:, -1], rtol=0, atol=1e-12)


def test_probabilities_are_normalised_in_at_least_float32(task, batch):
    model = AatTransformerModel.build_model(section(), task).half().eval()
    output = (torch.randn(2, 3, 34).half() * 8, {})
    for owner in (model, model.decoder):
        probabilities = owner.get_normalized_probs(output, log_probs=False)
        assert probabilities.dtype == torch.float32
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(2, 3))
        torch.testing.assert_close(owner.get_normalized_probs(output, log_probs=True).exp(), probabilities)


def test_the_longest_sentences_are_the_options(task):
    model = AatTransformerModel.build_model(section(max_target_positions=40), task)
    assert model.max_positions() == (50, 40)


def test_a_distributed_wrapper_shows_that_the_loss_is_computed_inside(task):
    """fairseq wraps the wrapper so; the criterion then calls its forward with the targets, where gradients meet."""
    wrapper = nn.Module()
    wrapper.module = AatTransformerModel.build_model(section(), task)
    assert ModuleProxyWrapper(wrapper).computes_loss is True


@pytest.mark.parametrize(("option", "value"), [("d_model", 15), ("num_layers", 0), ("dropout", 1.5), ("d_k", 0),
                                               ("share_all_embeddings", "perhaps"), ("final_norm", "sometimes")])
def test_an_option_that_cannot_work_is_refused_by_name(task, option, value):
    with pytest.raises(ConfigError, match=option):
        AatTransformerModel.build_model(section(**{option: value}), task)
