"""The criterion in fairseq's units, inside our model's forward and over a stock model's log-probabilities."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from fairseq.logging import metrics
from omegaconf import OmegaConf

from aat_plugin.architecture import Transformer
from aat_plugin.bindings.criterion import AatLabelSmoothingConfig, AatLabelSmoothingCriterion
from aat_plugin.errors import ConfigError

TASK = SimpleNamespace(target_dictionary=SimpleNamespace(pad=lambda: 1))


def build(**options):
    cfg = OmegaConf.create({**OmegaConf.to_container(OmegaConf.structured(AatLabelSmoothingConfig), resolve=False)})
    cfg.sentence_avg = False
    cfg.update(options)
    return AatLabelSmoothingCriterion.build_criterion(cfg, TASK), cfg


@pytest.fixture
def sample():
    source = torch.randint(4, 19, (3, 6))
    target = torch.randint(4, 19, (3, 5))
    target[0, 3:] = 1
    return {
        "net_input": {"src_tokens": source, "src_lengths": None, "prev_output_tokens": target.roll(1, dims=1)},
        "target": target,
        "ntokens": int(target.ne(1).sum()),
    }


class Stock(Transformer):
    """A model that knows nothing of losses, as fairseq's own."""

    def get_normalized_probs(self, net_output, log_probs):
        return net_output[0].log_softmax(-1)

    def get_targets(self, sample, net_output):
        return sample["target"]


class Ours(Transformer):
    computes_loss = True


def test_inside_forward_and_from_log_probabilities_the_loss_is_the_same(make_config, sample):
    config = make_config(dropout=0.0)
    ours, stock = Ours(config).double(), Stock(config).double()
    stock.load_state_dict(ours.state_dict())
    criterion, _ = build(report_accuracy=True)
    first, size, log = criterion(ours, sample)
    second, _, _ = criterion(stock, sample)
    assert first.item() == pytest.approx(second.item(), rel=1e-12)
    assert size == log["sample_size"] == sample["ntokens"]
    first.backward()
    second.backward()
    for one, two in zip(ours.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-9, atol=1e-12)
    unreduced, _, _ = criterion(stock, sample, reduce=False)
    assert unreduced.shape == (3, 5)
    assert unreduced.sum().item() == pytest.approx(first.item(), rel=1e-12)


def test_metrics_are_bits_a_token_perplexity_and_percent(make_config, sample):
    criterion, _ = build(report_accuracy=True)
    _, _, log = criterion(Ours(make_config()).double().eval(), sample)
    metrics.reset()
    with metrics.aggregate() as seen:
        AatLabelSmoothingCriterion.reduce_metrics([log, log])
    values = seen.get_smoothed_values()
    tokens = sample["ntokens"]
    assert float(values["loss"]) == pytest.approx(log["loss"].item() / tokens / math.log(2), abs=1e-3)
    nll = log["nll_loss"].item() / tokens
    assert float(values["nll_loss"]) == pytest.approx(nll / math.log(2), abs=1e-3)
    assert float(values["ppl"]) == pytest.approx(math.exp(nll), rel=1e-2)
    assert float(values["accuracy"]) == pytest.approx(100 * log["n_correct"].item() / tokens, abs=1e-2)


@pytest.mark.parametrize(("convention", "mass"), [("paper", "all"), ("t2t_release", "others"), ("fairseq", "others")])
def test_the_convention_sets_the_mass_and_what_was_resolved_is_stored(convention, mass):
    criterion, cfg = build(convention=convention)
    assert criterion.loss.smoothing_mass == mass == cfg.smoothing_mass
    explicit, _ = build(convention=convention, smoothing_mass="others_but_pad")
    assert explicit.loss.smoothing_mass == "others_but_pad"


def test_a_wrong_option_is_refused_by_name():
    with pytest.raises(ConfigError, match="label_smoothing"):
        build(label_smoothing=1.5)
    with pytest.raises(ConfigError, match="smoothing_mass"):
        build(smoothing_mass="some")
