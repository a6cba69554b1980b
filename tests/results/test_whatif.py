"""What came out, in words: against the whole model, and broken runs as what they are."""

from __future__ import annotations

from aat_plugin.results import whatif

WHOLE = {"bleu": 80.0, "perplexity": 1.5, "curve": [[10, 9.0], [20, 1.5]]}


def test_every_case_of_the_paper_is_there():
    assert {case.missing for case in whatif.CASES} == {
        "nothing", "1/√d_k", "the decoder's mask", "positions", "the warm-up", "residual connections",
        "layer normalisation", "all heads but one", "label smoothing",
    }  # fmt: skip
    assert all("Section" in case.claim for case in whatif.CASES if case.name != whatif.WHOLE)


def test_a_difference_is_said_with_both_numbers_and_a_small_one_is_none():
    def said(bleu: float) -> str:
        return whatif.sentence("mask", {"whole": WHOLE, "mask": {"bleu": bleu, "perplexity": 2.0}})

    assert said(20.0) == ("60.0 BLEU less than with it: 20.0 BLEU and perplexity 2.00, against 80.0 and 1.50; "
                          "one run each.")  # fmt: skip
    assert said(85.0).startswith("5.0 BLEU more")
    assert said(79.5).startswith("Hardly another BLEU")
    assert whatif.sentence("norm", {"whole": WHOLE, "norm": {"failed": "train ended"}}) == "Training broke: train ended"


def test_the_curves_are_drawn_without_what_is_no_number():
    cases = {"whole": WHOLE, "norm": {"failed": "x", "curve": [[10, float("nan")]]}}
    assert "whole model 1.50" in whatif.picture(cases).alt
