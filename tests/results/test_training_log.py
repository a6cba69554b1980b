"""Curves out of fairseq's logs; the lines below were printed by fairseq under flags and under Hydra."""

from __future__ import annotations

from aat_plugin.results.training_log import curve, over, records, tokens_trained

SIMPLE = [
    "2026-11-24 03:00:00 | INFO | train_inner | epoch 001:     50 / 383 loss=8.5, nll_loss=8.1, ppl=274.4, wps=4353.1, "
    "ups=4.4, wpb=980.2, bsz=81, num_updates=50, lr=0.0005, gnorm=2.1, train_wall=11, wall=12",
    "[2026-11-24 03:00:09,120][train_inner][INFO] - epoch 001:    100 / 383 loss=7.5, ppl=120.1, num_updates=100",
    "[2026-11-24 03:00:11,001][valid][INFO] - epoch 001 | valid on 'valid' subset | loss 6.5 | nll_loss 6.0 | ppl 64.2 "
    "| wps 9000 | num_updates 100",
    "[2026-11-24 03:00:11,002][fairseq_cli.train][INFO] - end of epoch 1",
]
JSON = [
    '2026-11-24 03:00:00 | INFO | train_inner | {"epoch": 1, "update": 0.13, "loss": "8.5", "num_updates": "50"}',
    '[2026-11-24 03:00:09,120][valid][INFO] - {"epoch": 1, "valid_loss": "6.5", "valid_ppl": "64.2", '
    '"valid_num_updates": "100"}',
    '2026-11-24 03:00:00 | INFO | fairseq_cli.train | {"_name": null, "seed": 1}',
]


def test_training_and_validation_come_out_of_the_simple_format():
    found = list(records(SIMPLE))
    assert [record.part for record in found] == ["train", "train", "valid"]
    assert curve(found, "train", "loss") == [(50, 8.5), (100, 7.5)]
    assert curve(found, "valid", "ppl") == [(100, 64.2)]
    assert found[0].values["wps"] == 4353.1


def test_training_and_validation_come_out_of_the_json_format():
    found = list(records(JSON))
    assert curve(found, "train", "loss") == [(50, 8.5)]
    assert curve(found, "valid", "ppl") == [(100, 64.2)]
    assert len(found) == 2


def test_what_a_resumed_run_repeats_replaces_the_older_value():
    again = SIMPLE[0].replace("loss=8.5", "loss=8.4")
    assert curve(records([*SIMPLE, again]), "train", "loss") == [(50, 8.4), (100, 7.5)]


def test_a_number_that_is_none_is_left_out():
    assert curve(records([SIMPLE[0]]), "train", "accuracy") == []


def test_tokens_are_each_intervals_updates_times_its_mean():
    lines = [f"[2026-11-24][train_inner][INFO] - epoch 001: loss=1, wpb={mean}, wall={update}, num_updates={update}"
             for update, mean in ((50, 980.2), (100, 1000.0), (120, 10.0))]  # fmt: skip
    assert tokens_trained(list(records(lines))) == [(50, 49010.0), (100, 99010.0), (120, 99210.0)]


def test_a_curve_over_effort_lies_between_the_efforts_that_are_known():
    effort = [(100, 10.0), (200, 30.0)]
    assert over([(50, 1.0), (100, 2.0), (150, 3.0), (200, 4.0), (210, 5.0)], effort) == [
        (10.0, 2.0), (20.0, 3.0), (30.0, 4.0), (30.0, 5.0)]  # fmt: skip
