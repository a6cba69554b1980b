"""Costs of one's own trainings: both ways and their share by hand, what is unknown, and how they stand on the page."""

from __future__ import annotations

import dataclasses

import pytest

from aat_plugin.results import cost_sections, provenance, recorded_runs
from aat_plugin.results.training_cost import Cost, _published, last_checkpoint, sustained_rate

COST = Cost(
    updates=100, target_tokens=2e6, source_tokens=1.9e6, known_by="the data's", model_operations=3e15, seconds=7200.0,
    devices=8, device="P100", rate=9.5e12, rate_from="the paper's sustained rate",
)  # fmt: skip


def test_the_machines_way_is_the_papers_product_and_utilisation_the_share():
    assert COST.machine_operations == 7200 * 8 * 9.5e12
    assert COST.utilisation == 3e15 / (7200 * 8 * 9.5e12)


@pytest.mark.parametrize("lost", ["rate", "model_operations"])
def test_without_either_way_there_is_no_utilisation(lost):
    assert dataclasses.replace(COST, **{lost: None}).utilisation is None


def test_a_named_device_has_the_papers_rate_in_float32_and_its_makers_peak_in_half():
    assert _published("P100", "float32")[1:] == (9.5e12, "the paper's sustained rate")
    assert _published("P100", "fp16")[1] == 21.2e12
    assert _published("A100", "bf16") == ("A100", 312e12, "its maker's peak in bf16, not sustained")
    assert _published("K80", "bf16")[1:] == (2.8e12, "the paper's sustained rate, of float32")


def test_a_processors_rate_is_measured_and_threads_are_left_as_they_were():
    import torch

    before = torch.get_num_threads()
    assert sustained_rate("cpu", torch.float32, 1, 0.02) > 1e8
    assert torch.get_num_threads() == before


def test_a_runs_checkpoint_is_looked_for_below_its_folder_and_beside_it(tmp_path):
    folder = tmp_path / "run" / "table2"
    assert last_checkpoint(folder) is None
    beside, below = tmp_path / "run" / "checkpoint_last.pt", folder / "checkpoints" / "checkpoint_last.pt"
    below.parent.mkdir(parents=True)
    beside.touch()
    assert last_checkpoint(folder) == beside
    below.touch()
    assert last_checkpoint(folder) == below


def shown(tmp_path) -> list[list[str]]:
    rows = cost_sections.ours(recorded_runs.find(tmp_path)).table.rows
    return [[cell if isinstance(cell, str) else cell.text for cell in row] for row in rows]


def test_rows_that_were_not_run_say_so_and_a_run_stands_in_its_row(tmp_path):
    places = [["base", "en_de"], ["base", "en_fr"], ["big", "en_de"], ["big", "en_fr"], ["demo", "made-up grammar"]]
    assert shown(tmp_path) == [[*place, *["not run"] * 5] for place in places]
    source = provenance.collect(["train"], [])
    cell = {"table": "table2", "row": "big", "column": "en_de", "value": 28.0}
    recorded_runs.write(tmp_path / "big", source, {"cells": [{**cell, "cost": COST.to_json()}]})
    recorded_runs.write(tmp_path / "small", source, {"cells": [{**cell, "row": "mine", "column": "x"}]})
    demo = {**cell, "row": "demo", "column": "made-up grammar", "cost": COST.to_json()}
    recorded_runs.write(tmp_path / "demo", source, {"cells": [demo]})
    found = shown(tmp_path)
    numbers = ["100", "2,000,000", "3.00e+15", "5.47e+17", "1 %"]
    assert [row[2:7] for row in found if row[:2] in (["big", "en_de"], ["demo", "made-up grammar"])] == [numbers] * 2
    note, run = cost_sections.ours(recorded_runs.find(tmp_path)).note, source["run"]
    assert f"{run}: 7,200 s × 8 × P100: 9.50e+12 a second, the paper's sustained rate. the data's." in note
    assert f"{run}: recorded without a checkpoint." in note
    assert [row[2:7] for row in found if row[0] == "mine"] == [["unknown"] * 5]
    assert [row for row in found if row[0] == "base"] == [[*place, *["not run"] * 5] for place in places[:2]]
    links = [cell.run for row in cost_sections.ours(recorded_runs.find(tmp_path)).table.rows for cell in row
             if not isinstance(cell, str)]  # fmt: skip
    assert set(links) == {source["run"]}
