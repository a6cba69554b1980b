"""Sentences that are too long: named, not run, not missing."""

from __future__ import annotations

import logging

import pytest
from toy_translation import EOS, LONGEST, batch, compare, models, ours


def test_a_source_that_is_too_long_is_named_not_run_and_not_missing(caplog):
    sample = batch([LONGEST, 5, LONGEST - 1, 3], seed=1)  # with the end symbol, only the first is too long
    with caplog.at_level(logging.WARNING):
        found = ours(models("ours")).generate(None, sample)
    assert [len(h) for h in found] == [1, 5, 5, 5]
    (nothing,) = found[0]
    assert nothing["tokens"].tolist() == [EOS]
    assert nothing["score"].item() == 0.0
    assert nothing["positional_scores"].tolist() == [0.0]
    assert "sentence 100 is too long" in caplog.text
    assert f"source {LONGEST + 1} tokens (at most {LONGEST})" in caplog.text
    kept = {"net_input": {"src_tokens": sample["net_input"]["src_tokens"][1:, -LONGEST:]}}
    same, total = compare(found[1:], ours(models("ours")).generate(None, kept))
    assert same == total


def test_a_batch_of_nothing_but_too_long_sources_runs_no_model(monkeypatch):
    generator = ours(models("ours"))
    monkeypatch.setattr(generator.ensemble, "forward_encoder", lambda _: pytest.fail("the encoder ran"))
    assert len(generator.generate(None, batch([50, 60], seed=1))) == 2
