"""The model of `aat whatif`: a model of its own that decodes without its part and is nowhere taken for a whole one."""

from __future__ import annotations

import dataclasses

import pytest
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY

from aat_plugin.bindings import saved_model
from aat_plugin.bindings.model import AatDecoder, AatTransformerConfig
from aat_plugin.errors import CheckpointError


def test_no_other_model_has_the_option():
    for name, section in MODEL_DATACLASS_REGISTRY.items():
        if section is not None and dataclasses.is_dataclass(section) and issubclass(section, AatTransformerConfig):
            options = {field.name for field in dataclasses.fields(section)}
            assert ("without" in options) == (name == "aat_whatif")


def test_its_layers_are_run_as_they_are_when_it_decodes():
    # `decoding_step` takes packed weights, which know no missing parts, for exactly this class.
    assert MODEL_REGISTRY["aat_whatif"].decoder_class is not AatDecoder
    assert issubclass(MODEL_REGISTRY["aat_whatif"].decoder_class, AatDecoder)


def test_its_checkpoints_are_not_taken_for_whole_models(tmp_path):
    with pytest.raises(CheckpointError, match="aat whatif took it out"):
        saved_model.stored_config(tmp_path / "a.pt", {"_name": "aat_whatif"}, {})
