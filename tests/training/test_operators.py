"""What an update costs, counted without a clock: operators launched, and how often the host asks for a number."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aat_plugin.architecture import Transformer, segments, unpadded
from aat_plugin.architecture.segments import Segments
from aat_plugin.architecture.ways import Ways
from aat_plugin.training.fused_loss import FusedCrossEntropy
from aat_plugin.training.label_smoothing import SmoothedCrossEntropy

PAD = 1
ALL = Ways(unpadded=True, quick_dropout=True, fused_residual=True, half_rows=True)
ASKING = ("aten._local_scalar_dense", "aten.nonzero", "aten.item", "aten.equal", "aten.masked_select")


FREE = ("aten.empty", "aten.new_empty", "aten.empty_like", "aten._unsafe_view", "aten.promote_types")


class Launched(TorchDispatchMode):
    """Every operator that computes: views and fresh memory are free."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function).rpartition(".")[0]
        if not function.is_view and name not in FREE:
            self.counts[name] += 1
        return function(*args, **(kwargs or {}))


def tokens(sentences, longest, seed):
    generator = torch.Generator().manual_seed(seed)
    found = torch.randint(4, 19, (sentences, longest), generator=generator)
    found[0, longest // 2 :] = PAD
    return found


def launched(config, ways, loss, sentences=4, longest=20, autocast=False):
    model = Transformer(config).train()
    model.go(ways)
    source, target = tokens(sentences, longest, 1), tokens(sentences, longest, 2)
    with Launched() as seen:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            sums = model(source, None, target, target, loss=loss)
        sums.loss.backward()
    return seen.counts


@pytest.mark.parametrize("autocast", [False, True])
def test_products_that_share_an_input_are_one(make_config, autocast):
    """Encoder layer: QKV, output, two of the feed-forward are 4; decoder layer 7; forward, and two of each back."""
    config = make_config(d_k=4, d_v=4, dropout=0.1, num_layers=2)
    quick = launched(config, ALL, FusedCrossEntropy(), autocast=autocast)
    assert quick["aten.mm"] + quick["aten.addmm"] + quick["aten.addmm_"] == 3 * 2 * (4 + 7) + 3
    assert quick["aten.bmm"] + quick["aten.baddbmm"] == 2 * 3 * 6
    plain = launched(config, Ways(), SmoothedCrossEntropy(), autocast=autocast)
    assert plain["aten.mm"] + plain["aten.addmm"] == 3 * 2 * (6 + 10) + 3


def test_in_bfloat16_numbers_are_converted_half_as_often(make_config):
    config = make_config(d_k=4, d_v=4, dropout=0.1)
    plain = launched(config, Ways(), SmoothedCrossEntropy(), autocast=True)
    quick = launched(config, ALL, FusedCrossEntropy(), autocast=True)
    assert quick["aten._to_copy"] < 0.6 * plain["aten._to_copy"]


@pytest.mark.parametrize(("autocast", "most"), [(False, 150), (True, 190)])
def test_their_number_depends_on_the_layers_alone(make_config, autocast, most):
    """Not on sentences, and on lengths only where padding is filled up."""
    def total(layers, **batch):
        config = make_config(d_k=4, d_v=4, dropout=0.1, num_layers=layers)
        return launched(config, ALL, FusedCrossEntropy(), autocast=autocast, **batch).total()

    assert total(2) == total(2, sentences=9) == total(2, longest=31)
    each = total(3) - total(2)
    assert total(5) == total(2) + 3 * each
    assert each <= most  # an encoder's and a decoder's layer, forward and backward


def test_on_a_gpu_no_layer_asks_the_device_for_a_number(make_config, monkeypatch):
    """The host would wait for the answer. Attention's kernel is left out: it is tested on a GPU."""
    monkeypatch.setattr(segments, "flash", lambda query, key, value, *_: query + key.sum() + value.sum())
    monkeypatch.setattr(unpadded, "_laid_out", lambda padding_mask, half: Segments(padding_mask))
    counts = launched(make_config(d_k=4, d_v=4, dropout=0.1), Ways(unpadded=True), AllRows())
    assert not {name: number for name, number in counts.items() if name in ASKING}
    on_processor = launched(make_config(d_k=4, d_v=4, dropout=0.1), Ways(unpadded=True), FusedCrossEntropy())
    assert on_processor["aten._local_scalar_dense"] or on_processor["aten.nonzero"]


class AllRows(FusedCrossEntropy):
    """The loss as on a GPU, where padding is projected and left out of sums."""

    counts_rows = False


def test_a_loss_that_leaves_padding_out_of_its_sums_is_the_one_that_never_projects_it():
    torch.manual_seed(3)
    features, weight = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(19, 8, dtype=torch.float64)
    target = torch.tensor([[4, 5, 6, PAD, PAD], [7, 8, 9, 10, 11]])
    found = []
    for rule in (FusedCrossEntropy, AllRows):
        for mass in ("all", "others", "others_but_pad"):
            x, matrix = features.clone().requires_grad_(), weight.clone().requires_grad_()
            sums = rule(smoothing_mass=mass, chunk=3, report_accuracy=True)(x, matrix, target)
            sums.loss.backward()
            found.append((sums.loss, sums.nll, sums.num_correct, sums.num_tokens, x.grad, matrix.grad))
    for one, other in zip(found[:3], found[3:], strict=True):
        for expected, value in zip(one, other, strict=True):
            torch.testing.assert_close(value, expected)
