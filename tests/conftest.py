"""Fixtures for every test: small configurations, and models whose every parameter is random (norms and biases too)."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

from aat_plugin.architecture import Transformer, TransformerConfig
from aat_plugin.conventions import DIALECTS, resolve

SIZES = dict(
    source_vocabulary=19, target_vocabulary=19, num_layers=2, d_model=12, d_ff=20, num_heads=3, d_k=5, d_v=7,
    max_source_positions=40, max_target_positions=40,
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(20171206)


@pytest.fixture
def make_config():
    """A small TransformerConfig of any dialect, with overrides."""

    def build(dialect: str = "paper", **overrides) -> TransformerConfig:
        return TransformerConfig(**{**SIZES, **resolve(dialect, "model", {}), **overrides})

    return build


@pytest.fixture
def make_model():
    """A float64 Transformer in evaluation mode, every parameter drawn at random."""

    def build(config: TransformerConfig) -> Transformer:
        model = Transformer(config).double().eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.3)
        return model

    return build


@pytest.fixture(scope="session")
def statmt(tmp_path_factory) -> Path:
    """The archives of WMT14 in miniature, under statmt.org's paths."""
    folder = tmp_path_factory.mktemp("statmt")
    runpy.run_path(str(Path(__file__).parent.parent / "scripts" / "tiny_wmt14.py"))["write"](folder)
    return folder


@pytest.fixture(scope="session")
def toy_parser(tmp_path_factory):
    """A prepared toy treebank and three parsers for it; see `toy_parsing.toy_parser`."""
    from toy_parsing import toy_parser

    return toy_parser(tmp_path_factory.mktemp("toy_parser"))


@pytest.fixture(params=DIALECTS)
def dialect(request) -> str:
    """Each dialect in turn."""
    return request.param
