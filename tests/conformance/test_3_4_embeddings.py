"""Section 3.4: one matrix, scaled by sqrt(d_model) where it embeds and not where it projects."""

from __future__ import annotations

import pytest
import torch
from compared import hold, of_section

from aat_plugin.architecture import Transformer
from aat_plugin.conformance.section_3 import padded, sentence, small


@pytest.mark.parametrize("comparison", of_section("3.4"))
def test_the_embeddings_are_the_papers(comparison):
    hold(comparison)


def test_a_row_of_the_shared_matrix_learns_from_both_embeddings_and_from_the_projection():
    model = Transformer(small()).double()
    source, target = padded([[5, 6]]), padded([[7, 8]])
    model(source, None, target)[0][..., 9].sum().backward()
    moved = model.encoder.embed_tokens.weight.grad.abs().sum(dim=1).nonzero().squeeze(1).tolist()
    assert moved == [5, 6, 7, 8, 9], "read in the source, read in the target, projected to"


def test_padding_embeds_as_zero_and_never_learns():
    model = Transformer(small()).double()
    assert model.encoder.embed_tokens.weight[1].abs().sum() == 0
    model(padded([sentence(2), sentence(4)]), None, padded([sentence(3), sentence(2)]))[0].sum().backward()
    assert model.encoder.embed_tokens.weight.grad[4:].abs().sum() > 0
    assert torch.isfinite(model.encoder.embed_tokens.weight.grad).all()
