"""The rivals' options: resolved, stored in the config, built over fairseq's dictionaries; losses as from any model."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import toy_translation as toy
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY
from omegaconf import OmegaConf
from toy_translation import RIVALS, random_batch

from aat_plugin.bindings.criterion import AatLabelSmoothingCriterion
from aat_plugin.errors import ConfigError, DataError
from aat_plugin.training.fused_loss import FusedCrossEntropy


class Corpus(toy.Task):
    """A task with a data-bin."""

    def __init__(self, folder) -> None:
        self.cfg = SimpleNamespace(data=str(folder), source_lang="en", target_lang="de", dataset_impl=None)


def section(name: str, **more):
    dataclass = MODEL_DATACLASS_REGISTRY[f"aat_{name}"]
    return OmegaConf.create({"model": OmegaConf.structured(dataclass(**{**toy.SIZES, **more}))}).model


def build(name: str, cfg, task=None):
    return MODEL_REGISTRY[f"aat_{name}"].build_model(cfg, task or toy.Task())


@pytest.fixture
def data_bin(tmp_path):
    """Targets of 2·|s| + 1 tokens."""
    for language, lengths in (("en", (3, 5, 4, 8)), ("de", (7, 11, 9, 17))):
        builder = MMapIndexedDatasetBuilder(str(tmp_path / f"train.en-de.{language}.bin"), dtype=np.int32)
        for length in lengths:
            builder.add_item(torch.full((length,), 5))
        builder.finalize(str(tmp_path / f"train.en-de.{language}.idx"))
    return tmp_path


@pytest.mark.parametrize("name", ["bytenet", "extended_neural_gpu"])
def test_the_length_ratio_is_fitted_to_the_corpus_and_stored_for_the_checkpoint(name, data_bin):
    cfg = section(name, embed_dim=8)
    model = build(name, cfg, Corpus(data_bin))
    assert (cfg.length_ratio, cfg.length_offset) == (2.0, 1.0)
    assert (model.config.length_ratio, model.config.length_offset) == (2.0, 1.0)
    again = build(name, cfg, Corpus("/nowhere"))  # as a checkpoint is loaded: no corpus is needed
    assert again.config == model.config


def test_a_given_ratio_needs_no_corpus_and_a_lone_offset_is_refused(tmp_path):
    cfg = section("bytenet", embed_dim=8, length_ratio=1.5)
    assert build("bytenet", cfg).config.length_offset == 0.0
    with pytest.raises(ConfigError, match=r"length_offset=2\.0 stands alone"):
        build("bytenet", section("bytenet", embed_dim=8, length_offset=2.0))
    with pytest.raises(ConfigError, match=r"length_ratio=-1\.0 must be"):
        build("bytenet", section("bytenet", embed_dim=8, length_ratio=-1.0))
    with pytest.raises(DataError, match="--length-ratio"):
        build("bytenet", section("bytenet", embed_dim=8), Corpus(tmp_path))


@pytest.mark.parametrize("name", RIVALS)
def test_one_table_where_the_dictionaries_are_one(name):
    other = Dictionary()
    other.add_symbol("only here")
    more = {"length_ratio": 1.0} if name in ("bytenet", "extended_neural_gpu") else {}
    apart = SimpleNamespace(source_dictionary=other, target_dictionary=toy.dictionary())
    assert build(name, section(name, embed_dim=8, **more)).config.share_all_embeddings
    assert not build(name, section(name, embed_dim=8, **more), apart).config.share_all_embeddings
    with pytest.raises(ConfigError, match="one joint dictionary"):
        build(name, section(name, embed_dim=8, share_all_embeddings="true", **more), apart)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("left_pad", [True, False])
def test_the_criterion_computes_the_loss_inside_forward_and_as_from_log_probabilities(name, left_pad):
    torch.manual_seed(3)
    model = toy.rival(name).eval()
    rule = FusedCrossEntropy(epsilon=0.1, smoothing_mass="all", padding_idx=toy.PAD)
    criterion = AatLabelSmoothingCriterion(toy.Task(), rule, sentence_avg=False)
    sample = {**random_batch(7, 2, left_pad=left_pad), "ntokens": 40}
    inside, _, _ = criterion(model, sample)
    model.computes_loss = False
    outside, _, _ = criterion(model, sample)
    torch.testing.assert_close(inside, outside, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", RIVALS)
def test_it_trains_under_bfloat16(name):
    torch.manual_seed(3)
    model = toy.rival(name).train()
    rule = FusedCrossEntropy(epsilon=0.1, smoothing_mass="all", padding_idx=toy.PAD)
    criterion = AatLabelSmoothingCriterion(toy.Task(), rule, sentence_avg=False)
    sample = {**random_batch(7, 2), "ntokens": 40}
    exact, _, _ = criterion(model, sample)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, _, _ = criterion(model, sample)
    rough.backward()
    assert rough.item() == pytest.approx(exact.item(), rel=0.05)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("name", RIVALS)
def test_lengths_come_from_the_task(name):
    assert toy.rival(name).max_positions() == (toy.LONGEST, toy.LONGEST)
