"""--score-reference: against the search's own scores."""

from __future__ import annotations

import pytest
import torch
from fairseq.data import data_utils
from toy_translation import EOS, LONGEST, PAD, batch, models, ours, random_batch

from aat_plugin.errors import ConfigError


def test_a_reference_is_scored_as_the_search_scores_it():
    for name in ("stock", "ours", "two"):
        sample = random_batch(20, 18)
        best = [h[0] for h in ours(models(name)).generate(None, sample)]
        tokens = [h["tokens"] for h in best]
        sample["target"] = data_utils.collate_tokens(tokens, PAD, EOS)
        previous = data_utils.collate_tokens(tokens, PAD, EOS, move_eos_to_beginning=True)
        sample["net_input"]["prev_output_tokens"] = previous
        scorer = ours(models(name), score_reference=True, print_alignment="hard")
        for h, (scored,) in zip(best, scorer.generate(models(name), sample, prefix_tokens=None), strict=True):
            assert scored["tokens"].tolist() == h["tokens"].tolist()
            torch.testing.assert_close(scored["positional_scores"], h["positional_scores"], rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(scored["score"], h["score"], rtol=1e-3, atol=1e-4)  # power, α 1: the mean
            assert len(scored["alignment"]) == len(h["tokens"]) - 1


def test_references_that_are_too_long_are_left_unscored_and_stay(caplog):
    sample = batch([LONGEST + 3, 6, 2], seed=4)
    found = ours(models("ours"), score_reference=True).generate(models("ours"), sample)
    assert [len(h) for h in found] == [1, 1, 1]
    assert found[0][0]["tokens"].tolist() == [EOS]
    assert found[1][0]["tokens"].tolist() == sample["target"][1][sample["target"][1].ne(PAD)].tolist()
    assert f"target {LONGEST + 4} tokens" in caplog.text


def test_scoring_references_needs_references():
    with pytest.raises(ConfigError, match="--score-reference"):
        ours(models("ours"), score_reference=True).generate(models("ours"), {**random_batch(2, 1), "target": None})
