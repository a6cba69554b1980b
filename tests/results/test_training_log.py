"""Curves out of fairseq's logs; the lines below were printed by fairseq under flags and under Hydra."""

from __future__ import annotations

from aat_plugin.results.training_log import curve, records

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
